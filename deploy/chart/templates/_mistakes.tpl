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
{{- $found = append $found (printf "cluster would be %q, and the BorderFirewall %s is kept as %q: nobody would follow it any more (CLUSTER_DIFFERS); set cluster: %q" $cluster .metadata.name $kept $kept) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $full := include "sallyport.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $full) -}}
{{- $found = append $found (printf "everything would be called %q, and the name of a Service begins with a letter and has a-z 0-9 - alone; set fullnameOverride" $full) -}}
{{- end -}}
{{- if .Values.peopleRoles -}}
{{- $own := printf "%s in namespace %s" .Release.Name .Release.Namespace -}}
{{- $others := list -}}
{{- range (.Files.Get "files/people.yaml" | fromYaml).roles -}}
{{- $about := dig "metadata" "annotations" dict (lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" .name) -}}
{{- with get $about "meta.helm.sh/release-name" -}}
{{- $of := printf "%s in namespace %s" . (get $about "meta.helm.sh/release-namespace") -}}
{{- if ne $of $own -}}
{{- $others = append $others $of | uniq -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $others -}}
{{- $found = append $found (printf "the roles for people are there, of release %s: two installations in one cluster would follow the same BorderFirewalls. Uninstall that one first (firewalls keep what they hold), or set peopleRoles: false if both are to be" (join " and " .)) -}}
{{- end -}}
{{- end -}}
{{- if .Values.state.persistent -}}
{{- $name := include "sallyport.fullname" . -}}
{{- range dig "spec" "volumeClaimTemplates" list (lookup "apps/v1" "StatefulSet" .Release.Namespace $name) -}}
{{- /* The server writes 1024Mi as 1Gi. */ -}}
{{- $storage := .spec.resources.requests.storage -}}
{{- $unit := get (dict "Mi" 1 "Gi" 1024 "Ti" 1048576) (regexFind "[MGT]i$" $storage) | int -}}
{{- $is := printf "%dMi of %q" (mul $unit (regexFind "^[0-9]+" $storage | int)) (default "" .spec.storageClassName) -}}
{{- $would := printf "%dMi of %q" (int $.Values.state.mebibytes) (default "" $.Values.state.storageClass) -}}
{{- if ne $is $would -}}
{{- $found = append $found (printf "state would be volumes of %s, and is %s: a StatefulSet keeps what it asks for. Delete it without its pods, and upgrade again: kubectl -n %s delete statefulset %s --cascade=orphan (volumes that are there stay as they are)" $would $is $.Release.Namespace $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $found -}}
{{- fail (printf "\n\nwrong values, so nothing was changed:\n- %s\n" (join "\n- " $found)) -}}
{{- end -}}
{{- end -}}
