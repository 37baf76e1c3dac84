// Says what a Kubernetes API server would say of manifests, without one: builds each kustomization that it is given, decodes
// what comes out strictly, fills in defaults and validates with the API server's own code, and holds each pod against the Pod
// Security Standards. A process of its own; it changes nothing and talks to nobody.
//
//	manifests <folder of a kustomization>...
//
// It writes one JSON object per folder to stdout: each object as built, what is wrong with it, and, if it makes pods, the
// strictest standard that admits them. The exit code is 0 when nothing is wrong.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// Object is one manifest of a kustomization.
type Object struct {
	Manifest map[string]any `json:"manifest"`
	// Wrong is empty for one that the API server would take.
	Wrong []string `json:"wrong"`
	// PodSecurity is empty for what makes no pods.
	PodSecurity string `json:"podSecurity,omitempty"`
	// Forbidden says why no stricter standard admits it.
	Forbidden string `json:"forbidden,omitempty"`
}

// Build is one kustomization.
type Build struct {
	Folder  string   `json:"folder"`
	Objects []Object `json:"objects"`
}

func main() {
	isRight := true
	output := json.NewEncoder(os.Stdout)
	for _, folder := range os.Args[1:] {
		objects, err := build(folder)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", folder, err)
			os.Exit(2)
		}
		for _, object := range objects {
			isRight = isRight && len(object.Wrong) == 0
		}
		if err := output.Encode(Build{Folder: folder, Objects: objects}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	if !isRight {
		os.Exit(1)
	}
}

// build does what `kubectl kustomize --load-restrictor LoadRestrictionsNone` does: the Collector's files lie outside of the folders.
func build(folder string) ([]Object, error) {
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = types.LoadRestrictionsNone
	resources, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, err
	}
	var objects []Object
	for _, resource := range resources.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return nil, err
		}
		manifest, err := resource.Map()
		if err != nil {
			return nil, err
		}
		object := Object{Manifest: manifest, Wrong: []string{}}
		if resource.GetGvk().Group == "opentelemetry.io" {
			object.Wrong = append(object.Wrong, checkOfOperator(text)...)
		} else {
			checkOfKubernetes(text, &object)
		}
		objects = append(objects, object)
	}
	return objects, nil
}
