{{/* What every object is called after. */}}
{{- define "aviary.name" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "aviary.translator" -}}
{{- include "aviary.name" . -}}-translator
{{- end -}}

{{- define "aviary.agent" -}}
{{- include "aviary.name" . -}}-agent
{{- end -}}

{{- define "aviary.clusterAgent" -}}
{{- include "aviary.name" . -}}-cluster-agent
{{- end -}}

{{/* Cluster-wide objects carry the namespace too, since releases of one name may stand in several. */}}
{{- define "aviary.clusterWide" -}}
{{- include "aviary.clusterAgent" . -}}-{{- .Release.Namespace -}}
{{- end -}}

{{- define "aviary.image" -}}
{{- .Values.image.repository -}}:{{- .Values.image.tag | default .Chart.AppVersion -}}
{{- end -}}

{{- define "aviary.tlsSecret" -}}
{{- .Values.translator.tls.secretName | default (printf "%s-tls" (include "aviary.translator" .)) -}}
{{- end -}}

{{- define "aviary.translatorUrl" -}}
{{- if .Values.translator.enabled -}}
https://{{ include "aviary.translator" . }}.{{ .Release.Namespace }}.svc:{{ .Values.translator.port }}
{{- else -}}
{{- required "agents.translator.url is needed without a translator of our own" .Values.agents.translator.url -}}
{{- end -}}
{{- end -}}

{{/* Call with the root and a component. */}}
{{- define "aviary.labels" -}}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
{{ include "aviary.selector" . }}
{{- end -}}

{{- define "aviary.selector" -}}
app.kubernetes.io/name: aviary
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* The restricted Pod Security Standard, and a little more. */}}
{{- define "aviary.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "aviary.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Where traces go. Call with the root. */}}
{{- define "aviary.tracing" -}}
{{- if .Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .Values.tracing.endpoint | quote }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME)
{{- with .Values.tracing.env }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "aviary.podNames" -}}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end -}}

{{/* One arena of memory for all threads: what one of them frees is what the next one needs. */}}
{{- define "aviary.memory" -}}
- name: MALLOC_ARENA_MAX
  value: "1"
{{- end -}}

{{/* The pod of an agent. Call with root, account, arguments, component. */}}
{{- define "aviary.agentPod" -}}
metadata:
  labels: {{- include "aviary.labels" . | nindent 4 }}
  {{- with .root.Values.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ .account }}
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext: {{- include "aviary.podSecurity" . | nindent 4 }}
  containers:
    - name: agent
      image: {{ include "aviary.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      command: [aviary-agent]
      args:
        - run
        - --cluster={{ required "AKOSettings.clusterName is needed" .root.Values.AKOSettings.clusterName }}
        - --translator={{ include "aviary.translatorUrl" .root }}
        - --token-file=/var/run/secrets/aviary/token
        - --ca-file=/etc/aviary/ca/ca.crt
        - --health-listen=0.0.0.0:{{ .root.Values.agents.healthPort }}
        {{- range .arguments }}
        - {{ . }}
        {{- end }}
        {{- range .root.Values.agents.extraArgs }}
        - {{ . }}
        {{- end }}
      env:
        {{- include "aviary.memory" .root | nindent 8 }}
        {{- if .root.Values.tracing.endpoint }}
        {{- include "aviary.podNames" .root | nindent 8 }}
        {{- include "aviary.tracing" .root | trim | nindent 8 }}
        {{- end }}
      ports:
        - name: health
          containerPort: {{ .root.Values.agents.healthPort }}
      livenessProbe:
        grpc:
          port: {{ .root.Values.agents.healthPort }}
        periodSeconds: 10
      # Ready once some replica of the translator hears it.
      readinessProbe:
        grpc:
          port: {{ .root.Values.agents.healthPort }}
          service: aviary.sync.v1.SyncService
        periodSeconds: 5
      resources: {{- toYaml .root.Values.agents.resources | nindent 8 }}
      securityContext: {{- include "aviary.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - name: token
          mountPath: /var/run/secrets/aviary
          readOnly: true
        - name: ca
          mountPath: /etc/aviary/ca
          readOnly: true
        {{- with .root.Values.agents.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  {{- with .root.Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  volumes:
    - name: token
      projected:
        sources:
          - serviceAccountToken:
              audience: aviary/{{ .root.Values.AKOSettings.clusterName }}
              expirationSeconds: 3600
              path: token
    - name: ca
      configMap:
        name: {{ include "aviary.name" .root }}-ca
    {{- with .root.Values.agents.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
