// What the API server itself would say of an object of Kubernetes: decoding, defaults, validation, and admission of pods. Of the
// API server's parts these need no cluster.
package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	apiv1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	"k8s.io/pod-security-admission/api"
	podsecurity "k8s.io/pod-security-admission/policy"
)

// The order is that of the standards: the first that admits a pod is the strictest.
var levels = []api.Level{api.LevelRestricted, api.LevelBaseline, api.LevelPrivileged}

// checkOfKubernetes decodes, defaults and validates as the API server does before it stores anything. A kind that nothing here
// validates is wrong as well: it must not pass unseen.
func checkOfKubernetes(text []byte, object *Object) {
	codecs := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)
	versioned, _, err := codecs.UniversalDeserializer().Decode(text, nil, nil)
	if err != nil {
		object.Wrong = append(object.Wrong, err.Error())
		if versioned == nil {
			return
		}
	}
	legacyscheme.Scheme.Default(versioned)
	internal, err := legacyscheme.Scheme.UnsafeConvertToVersion(versioned, runtime.InternalGroupVersioner)
	if err != nil {
		object.Wrong = append(object.Wrong, err.Error())
		return
	}
	template, problems := validate(internal)
	for _, problem := range problems {
		object.Wrong = append(object.Wrong, problem.Error())
	}
	if template != nil {
		object.PodSecurity, object.Forbidden = standardOf(template)
	}
}

// validate returns the template of the pods that the object makes, if it makes any. Namespaces are given by who applies it.
func validate(object runtime.Object) (*core.PodTemplateSpec, field.ErrorList) {
	if meta, err := metaOf(object); err == nil && meta.GetNamespace() == "" {
		meta.SetNamespace("default")
	}
	switch it := object.(type) {
	case *apps.DaemonSet:
		return &it.Spec.Template, appsvalidation.ValidateDaemonSet(it, optionsFor(&it.Spec.Template))
	case *apps.Deployment:
		return &it.Spec.Template, appsvalidation.ValidateDeployment(it, optionsFor(&it.Spec.Template))
	case *apps.StatefulSet:
		return &it.Spec.Template, appsvalidation.ValidateStatefulSet(it, optionsFor(&it.Spec.Template))
	case *core.ConfigMap:
		return nil, validation.ValidateConfigMap(it)
	case *core.Namespace:
		it.Namespace = ""
		return nil, validation.ValidateNamespace(it)
	case *core.Service:
		// The API server does it between defaults and validation, in a part of it that needs a cluster.
		if it.Spec.ClusterIP != "" && len(it.Spec.ClusterIPs) == 0 {
			it.Spec.ClusterIPs = []string{it.Spec.ClusterIP}
		}
		return nil, validation.ValidateServiceCreate(it)
	case *core.ServiceAccount:
		return nil, validation.ValidateServiceAccount(it)
	case *networking.NetworkPolicy:
		return nil, networkingvalidation.ValidateNetworkPolicy(it, networkingvalidation.NetworkPolicyValidationOptions{})
	case *policy.PodDisruptionBudget:
		return nil, policyvalidation.ValidatePodDisruptionBudget(it, policyvalidation.PodDisruptionBudgetValidationOptions{})
	}
	unknown := fmt.Errorf("nothing here validates a %T", object)
	return nil, field.ErrorList{field.InternalError(field.NewPath("kind"), unknown)}
}

func metaOf(object runtime.Object) (metav1.Object, error) {
	accessor, isOne := object.(metav1.ObjectMetaAccessor)
	if !isOne {
		return nil, fmt.Errorf("a %T has no metadata", object)
	}
	return accessor.GetObjectMeta(), nil
}

func optionsFor(template *core.PodTemplateSpec) validation.PodValidationOptions {
	return podutil.GetValidationOptionsFromPodTemplate(template, nil)
}

// standardOf returns the strictest standard that admits such pods, and what the next stricter one holds against them.
func standardOf(template *core.PodTemplateSpec) (string, string) {
	var pod corev1.PodTemplateSpec
	if err := apiv1.Convert_core_PodTemplateSpec_To_v1_PodTemplateSpec(template, &pod, nil); err != nil {
		return "", err.Error()
	}
	evaluator, err := podsecurity.NewEvaluator(podsecurity.DefaultChecks())
	if err != nil {
		return "", err.Error()
	}
	forbidden := ""
	for _, level := range levels {
		version := api.LevelVersion{Level: level, Version: api.LatestVersion()}
		result := podsecurity.AggregateCheckResults(evaluator.EvaluatePod(version, &pod.ObjectMeta, &pod.Spec))
		if result.Allowed {
			return string(level), forbidden
		}
		forbidden = result.ForbiddenDetail()
	}
	return "", forbidden
}
