{{- define "sallyport.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "sallyport.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "sallyport.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Of what the whole cluster shares: two releases in two namespaces must not be each other's. */ -}}
{{- define "sallyport.clusterName" -}}
{{- $name := include "sallyport.fullname" . -}}
{{- if eq $name .Release.Namespace -}}{{ $name }}{{- else -}}{{ printf "%s-%s" .Release.Namespace $name }}{{- end -}}
{{- end -}}

{{- define "sallyport.selector" -}}
app.kubernetes.io/name: {{ include "sallyport.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "sallyport.labels" -}}
{{ include "sallyport.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "sallyport.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ default $.Chart.AppVersion .tag }}{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The configuration file: what the chart knows, with `configuration` laid over it. */ -}}
{{- define "sallyport.configuration" -}}
{{- $own := dict
  "sources" (dict "kubernetes" dict)
  "controllers" (dict "border" (dict "source" "kubernetes"))
  "audit" (dict "mebibytes" (div (mul 3 (int .Values.state.mebibytes)) 4))
  "server" (dict "probes" "0.0.0.0:8080") -}}
{{- if .Values.queries.enabled -}}
{{- $tls := "/etc/sallyport-tls" -}}
{{- $_ := set $own.server "queries" (dict
  "listen" "0.0.0.0:8443"
  "tls" (dict "cert" (dict "file" (printf "%s/tls.crt" $tls)) "key" (dict "file" (printf "%s/tls.key" $tls)))) -}}
{{- end -}}
{{- if .Values.readiness.enabled -}}
{{- $_ := set $own.controllers "readiness" (dict "account" "/var/run/secrets/sallyport-readiness") -}}
{{- $_ := set $own.server "readiness" "0.0.0.0:8081" -}}
{{- end -}}
{{- if .Values.cluster -}}{{- $_ := set $own "cluster" .Values.cluster -}}{{- end -}}
{{- $all := mergeOverwrite $own (deepCopy (default dict .Values.configuration)) -}}
{{- /* toYaml leaves 1234e567 bare, which `run` reads as a number; names of clusters are often eight digits of 0-9 a-f. */ -}}
{{- with $all.cluster -}}
cluster: {{ toJson . }}
{{ end -}}
{{- toYaml (omit $all "cluster") -}}
{{- end -}}

{{- /* Features whose rights the controller has. */ -}}
{{- define "sallyport.features" -}}
watch status leaving events leases credentials {{ if .Values.queries.enabled }}queries{{ end }}
{{- end -}}

{{- /* Everything in the status of a pod but its conditions; a test compares it with what a real API server knows. */ -}}
{{- define "sallyport.podStatus" -}}
observedGeneration phase message reason nominatedNodeName hostIP hostIPs podIP podIPs startTime initContainerStatuses containerStatuses ephemeralContainerStatuses qosClass resize resourceClaimStatuses extendedResourceClaimStatus nodeAllocatableResourceClaimStatuses allocatedResources resources
{{- end -}}
