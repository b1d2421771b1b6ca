{{- define "huying.name" -}}
{{- if contains "huying" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-huying" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "huying.selector" -}}
app.kubernetes.io/name: huying
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .process }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "huying.labels" -}}
{{ include "huying.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
huying/county: {{ .root.Values.county.schema }}
{{- end }}

{{- define "huying.claim" -}}
{{- .Values.attachments.existingClaim | default (printf "%s-attachments" (include "huying.name" .)) }}
{{- end }}

{{/* What every process knows. */}}
{{- define "huying.environment" -}}
- name: HUYING_COUNTY
  value: {{ .Values.county.schema | quote }}
- name: HUYING_PUBLIC_URL
  value: {{ .Values.county.publicUrl | quote }}
- name: HUYING_STREAM_URL
  value: ""
- name: HUYING_TRUSTED_PROXIES
  value: {{ get .Values.county.settings "HUYING_TRUSTED_PROXIES" | default "1" | quote }}
- name: HUYING_HJ212_HOST
  value: "0.0.0.0"
- name: HUYING_HJ212_PORT
  value: {{ .Values.hj212.port | quote }}
# The keys are mounted read-only; this is shared by all that may seal.
- name: HUYING_LEDGER_MARK
  value: /var/lib/huying/signed/ledger_signed
{{- if .Values.metrics.enabled }}
- name: HUYING_METRICS_HOST
  value: "0.0.0.0"
- name: HUYING_METRICS_PORT
  value: {{ .Values.metrics.port | quote }}
{{- end }}
- name: HUYING_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.secrets.database.name }}
      key: {{ .Values.secrets.database.key }}
{{- with .Values.secrets.mqtt }}
{{- if .name }}
- name: HUYING_MQTT_URL
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .key }}
{{- end }}
{{- end }}
{{- range $name, $value := omit .Values.county.settings "HUYING_TRUSTED_PROXIES" }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* A pod of one process: root, process, arguments, resources, and optionally ports and probes. */}}
{{- define "huying.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: {{ .process }}
    image: {{ printf "%s:%s" .root.Values.image.repository (.root.Values.image.tag | default .root.Chart.AppVersion) | quote }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args: {{ toJson .arguments }}
    env:
      {{- include "huying.environment" .root | nindent 6 }}
    {{- if or .port (and .watched .root.Values.metrics.enabled) }}
    ports:
      {{- with .port }}
      - name: {{ .name }}
        containerPort: {{ .number }}
      {{- end }}
      {{- if and .watched .root.Values.metrics.enabled }}
      - name: metrics
        containerPort: {{ .root.Values.metrics.port }}
      {{- end }}
    {{- end }}
    {{- with .probes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    resources:
      {{- toYaml .resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    volumeMounts:
      - {name: data, mountPath: /var/lib/huying}
      - {name: tmp, mountPath: /tmp}
      - {name: keys, mountPath: /etc/huying/keys, readOnly: true}
      {{- if .attachments }}
      - {name: attachments, mountPath: /var/lib/huying/attachments, subPath: attachments}
      - {name: attachments, mountPath: /var/lib/huying/signed, subPath: signed}
      {{- end }}
      {{- if .root.Values.county.proceduresConfigMap }}
      - {name: procedures, mountPath: /var/lib/huying/procedures, readOnly: true}
      {{- end }}
      {{- if .root.Values.county.parametersConfigMap }}
      - {name: parameters, mountPath: /var/lib/huying/parameters, readOnly: true}
      {{- end }}
volumes:
  - name: data
    emptyDir: {sizeLimit: 1Gi}
  - name: tmp
    emptyDir: {sizeLimit: 1Gi}
  - name: keys
    secret:
      secretName: {{ .root.Values.secrets.keys.name }}
      defaultMode: 0440
  {{- if .attachments }}
  - name: attachments
    persistentVolumeClaim:
      claimName: {{ include "huying.claim" .root }}
  {{- end }}
  {{- with .root.Values.county.proceduresConfigMap }}
  - name: procedures
    configMap: {name: {{ . }}}
  {{- end }}
  {{- with .root.Values.county.parametersConfigMap }}
  - name: parameters
    configMap: {name: {{ . }}}
  {{- end }}
{{- end }}

{{/* An HTTP probe: the Host header is one that every county answers to. */}}
{{- define "huying.get" -}}
httpGet:
  path: {{ .path }}
  port: {{ .port }}
  httpHeaders: [{name: Host, value: localhost}]
{{- end }}
