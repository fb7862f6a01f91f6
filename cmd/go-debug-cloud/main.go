// Command go-debug-cloud is go-debug with the drivers of object stores, so that baselines can be kept in
// s3://, gs:// and azblob://. It is a module of its own: the drivers are larger than all of go-debug, and who keeps
// baselines in a directory has no use for them. Everything else is the same program.
//
//	go -C cmd/go-debug-cloud install
package main

import (
	_ "gocloud.dev/blob/azureblob"
	_ "gocloud.dev/blob/gcsblob"
	_ "gocloud.dev/blob/s3blob"

	"go-debug/cmd/internal/cli"
)

func main() { cli.Main() }
