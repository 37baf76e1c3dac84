// What the OpenTelemetry Operator would say of its own kind of object.
package main

import (
	"context"
	"fmt"

	"github.com/open-telemetry/opentelemetry-operator/apis/v1alpha1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// checkOfOperator decodes into the operator's own type, as strictly as the API server does, and asks the validation that the
// operator has the API server call. What the CRD's schema says beyond that, its lists of allowed values, is not looked at.
func checkOfOperator(text []byte) []string {
	var kind struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := yaml.Unmarshal(text, &kind); err != nil {
		return []string{err.Error()}
	}
	if kind.APIVersion != "opentelemetry.io/v1alpha1" || kind.Kind != "Instrumentation" {
		return []string{fmt.Sprintf("nothing here validates a %s %s", kind.APIVersion, kind.Kind)}
	}
	object, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return []string{err.Error()}
	}
	var instrumentation v1alpha1.Instrumentation
	wrong := []string{}
	strict, err := json.UnmarshalStrict(object, &instrumentation)
	if err != nil {
		return append(wrong, err.Error())
	}
	for _, each := range strict {
		wrong = append(wrong, each.Error())
	}
	warnings, err := v1alpha1.InstrumentationWebhook{}.ValidateCreate(context.Background(), &instrumentation)
	wrong = append(wrong, warnings...)
	if err != nil {
		wrong = append(wrong, err.Error())
	}
	return wrong
}
