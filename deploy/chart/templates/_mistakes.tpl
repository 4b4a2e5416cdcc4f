{{- /* What the schema of the values cannot say, all of it at once; nothing where there is none. */ -}}
{{- define "sallyport.mistakes" -}}
{{- $found := list -}}
{{- $configuration := include "sallyport.configuration" . | fromYaml -}}
{{- $written := default dict .Values.configuration -}}
{{- with .Values -}}
{{- if and .queries.enabled (not .queries.tlsSecret) -}}
{{- $found = append $found "queries.enabled needs queries.tlsSecret: others than this machine are answered by TLS alone" -}}
{{- end -}}
{{- if and .serviceMonitor.enabled (not .queries.enabled) -}}
{{- $found = append $found "serviceMonitor.enabled needs queries.enabled: metrics are served to others than the pod itself there alone" -}}
{{- end -}}
{{- if .localNftables.enabled -}}
{{- if gt (int .replicas) 1 -}}
{{- $found = append $found (printf "localNftables.enabled with %d replicas: each would take its own node for the firewall, and leave old rules on the other; set replicas: 1" (int .replicas)) -}}
{{- end -}}
{{- if not (or .nodeSelector .affinity) -}}
{{- $found = append $found "localNftables.enabled without a node: wherever the pod starts would be the firewall, and the node before keep old rules; set nodeSelector, such as {kubernetes.io/hostname: NODE}" -}}
{{- end -}}
{{- end -}}
{{- if and .cluster $written.cluster (ne .cluster (toString $written.cluster)) -}}
{{- $found = append $found (printf "cluster is %q, and configuration.cluster %q: whose is what stands on devices? Say it once, in cluster" .cluster (toString $written.cluster)) -}}
{{- end -}}
{{- if and (dig "server" "queries" "" $written) (not .queries.enabled) -}}
{{- $found = append $found "configuration.server.queries without queries.enabled, which brings the port and the rights; set queries.enabled" -}}
{{- end -}}
{{- if and (or (dig "server" "readiness" "" $written) (dig "controllers" "readiness" "" $written)) (not .readiness.enabled) -}}
{{- $found = append $found "configuration for pods that wait without readiness.enabled, which brings the port and an identity; set readiness.enabled" -}}
{{- end -}}
{{- end -}}
{{- if .Capabilities.APIVersions.Has "sallyport.dev/v1alpha1/BorderFirewall" -}}
{{- $own := dig "metadata" "uid" "" (lookup "v1" "Namespace" "" "kube-system") | trunc 8 -}}
{{- $cluster := $configuration.cluster | default $own | toString -}}
{{- range (lookup "sallyport.dev/v1alpha1" "BorderFirewall" "" "").items -}}
{{- $kept := dig "status" "cluster" "" . -}}
{{- if and $kept $cluster (ne $kept $cluster) -}}
{{- $found = append $found (printf "cluster would be %q, and the BorderFirewall %s is kept as %q: nobody would follow it any more (CLUSTER_DIFFERS); set cluster: %s" $cluster .metadata.name $kept $kept) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $found -}}
{{- fail (printf "\n\nwrong values, so nothing was changed:\n- %s\n" (join "\n- " $found)) -}}
{{- end -}}
{{- end -}}
