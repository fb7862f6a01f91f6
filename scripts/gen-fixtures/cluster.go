package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// The parts of the Kubernetes API's objects that the informer fixture reads.
type (
	objectMeta struct {
		Name            string            `json:"name,omitempty"`
		Namespace       string            `json:"namespace,omitempty"`
		UID             string            `json:"uid,omitempty"`
		ResourceVersion string            `json:"resourceVersion"`
		Annotations     map[string]string `json:"annotations,omitempty"`
	}
	partialObject struct {
		Kind       string     `json:"kind"`
		APIVersion string     `json:"apiVersion"`
		Metadata   objectMeta `json:"metadata"`
	}
	partialList struct {
		Kind       string          `json:"kind"`
		APIVersion string          `json:"apiVersion"`
		Metadata   objectMeta      `json:"metadata"`
		Items      []partialObject `json:"items"`
	}
	watchEvent struct {
		Type   string        `json:"type"`
		Object partialObject `json:"object"`
	}
)

const (
	configsPerTenant = 5
	configChange     = 3 * time.Second
)

// cluster is the part of a Kubernetes API server that serves the metadata of config maps:
// list, and watch with or without initial events.
func cluster() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/namespaces/{namespace}/configmaps", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if watch := r.FormValue("watch"); watch == "true" || watch == "1" {
			watchConfigs(w, r)
			return
		}
		list := partialList{Kind: "PartialObjectMetadataList", APIVersion: metaVersion, Metadata: objectMeta{ResourceVersion: "100"}}
		for i := range configsPerTenant {
			list.Items = append(list.Items, config(r.PathValue("namespace"), i, 100))
		}
		json.NewEncoder(w).Encode(list)
	})
	return mux
}

const metaVersion = "meta.k8s.io/v1"

func config(namespace string, i, version int) partialObject {
	return partialObject{Kind: "PartialObjectMetadata", APIVersion: metaVersion, Metadata: objectMeta{
		Name: fmt.Sprintf("config-%d", i), Namespace: namespace, UID: fmt.Sprintf("%s-%d", namespace, i), ResourceVersion: fmt.Sprint(version),
	}}
}

// watchConfigs keeps the stream open until the client closes it, and changes a config every
// three seconds.
func watchConfigs(w http.ResponseWriter, r *http.Request) {
	namespace := r.PathValue("namespace")
	out := json.NewEncoder(w)
	send := func(kind string, o partialObject) bool {
		err := out.Encode(watchEvent{kind, o})
		if err == nil {
			err = http.NewResponseController(w).Flush()
		}
		return err == nil
	}
	if r.FormValue("sendInitialEvents") == "true" {
		for i := range configsPerTenant {
			send("ADDED", config(namespace, i, 100))
		}
		end := partialObject{Kind: "PartialObjectMetadata", APIVersion: metaVersion, Metadata: objectMeta{
			ResourceVersion: "100", Annotations: map[string]string{"k8s.io/initial-events-end": "true"}}}
		send("BOOKMARK", end)
	}
	http.NewResponseController(w).Flush()
	for version := 101; wait(r.Context(), configChange); version++ {
		if !send("MODIFIED", config(namespace, version%configsPerTenant, version)) {
			return
		}
	}
}
