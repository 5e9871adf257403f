// Package manifests checks what nothing here can run: the manifests of
// examples/kubernetes and examples/istio, and docker-compose.yaml. Each file is
// decoded strictly into the types of the API that it is for, so that a
// misspelt or misplaced field fails, and then held to what operators rely on.
//
//	cd .ci/manifests && go test ./...
//
// It is a module of its own, so that those types are no dependencies of
// claimgate. What the manifests say to claimgate is tested beside the command.
package manifests
