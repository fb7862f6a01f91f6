package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestClusterLists(t *testing.T) {
	srv := httptest.NewServer(cluster())
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/api/v1/namespaces/tenant-1/configmaps?limit=500")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list partialList
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != configsPerTenant || list.Items[0].Metadata.Namespace != "tenant-1" || list.Metadata.ResourceVersion == "" {
		t.Errorf("%+v", list)
	}
}

// TestClusterWatches reads the initial events; client-go takes its cache for synced at the
// bookmark that ends them.
func TestClusterWatches(t *testing.T) {
	srv := httptest.NewServer(cluster())
	defer srv.CloseClientConnections()
	resp, err := http.Get(srv.URL + "/api/v1/namespaces/tenant-1/configmaps?watch=true&sendInitialEvents=true")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := json.NewDecoder(resp.Body)
	for i := range configsPerTenant + 1 {
		var e watchEvent
		if err := in.Decode(&e); err != nil {
			t.Fatal(err)
		}
		last := i == configsPerTenant
		if last && (e.Type != "BOOKMARK" || e.Object.Metadata.Annotations["k8s.io/initial-events-end"] != "true") || !last && e.Type != "ADDED" {
			t.Errorf("event %d is %+v", i, e)
		}
	}
}
