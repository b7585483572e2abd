{{- define "keymount.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "keymount.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "keymount.serviceAccountName" -}}
{{- default (include "keymount.fullname" .) .Values.serviceAccount.name }}
{{- end }}

{{- define "keymount.selector" -}}
app.kubernetes.io/name: {{ include "keymount.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "keymount.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "keymount.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Not the DaemonSet's selector: its controller would take the pod for one too many and delete it. */ -}}
{{- define "keymount.testLabels" -}}
app.kubernetes.io/name: {{ include "keymount.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "keymount.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{- /* The audiences that the CSIDriver must give tokens for, one a line. */ -}}
{{- define "keymount.audiences" -}}
{{- $audiences := list }}
{{- range .Values.providers }}
{{- if eq . "aws" }}
{{- /* STS for IAM roles for service accounts, and the Pod Identity agent, whose audience is not to be chosen. */ -}}
{{- $audiences = concat $audiences (list (default "sts.amazonaws.com" (index $.Values.settings "aws-audience")) "pods.eks.amazonaws.com") }}
{{- else }}
{{- $audiences = append $audiences (default . (index $.Values.settings (printf "%s-audience" .))) }}
{{- end }}
{{- end }}
{{- join "\n" ($audiences | uniq) }}
{{- end }}

{{- /* A setting's value as a flag takes it: whole numbers without an exponent. */ -}}
{{- define "keymount.scalar" -}}
{{- if kindIs "float64" . }}{{ if eq (floor .) . }}{{ . | int64 }}{{ else }}{{ . }}{{ end }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{- define "keymount.args" -}}
- serve
{{- range .Values.providers }}
- --provider={{ . }}
{{- end }}
- --providers-dir={{ .Values.providersDir }}
# The kubelet's probes come from outside the pod.
- --admin-address=:{{ .Values.admin.port }}
{{- if .Values.handoff.enabled }}
# Each user's own: keymount refuses another's.
- --handoff=/run/keymount/handoff-{{ if .Values.nonRoot }}{{ .Values.runAsUser | int64 }}{{ else }}0{{ end }}
{{- end }}
{{- if .Values.podLiveness.enabled }}
- --pod-liveness=kubelet-dir
- --kubelet-pods-dir=/run/keymount-pods
{{- end }}
{{- if .Values.config }}
- --config=/etc/keymount/config/keymount.yaml
{{- end }}
{{- if or .Values.ca.configMap .Values.ca.secret }}
{{- range .Values.providers }}
{{- if not (has . (list "aws" "local")) }}
- --{{ . }}-tls-ca-directory=/etc/keymount/ca
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.jwks.enabled }}
- --jwks-url={{ .Values.jwks.url }}
- --jwks-ca-file=/var/run/secrets/keymount/ca.crt
- --jwks-token-file=/var/run/secrets/keymount/token
{{- with .Values.jwks.issuer }}
- --jwks-issuer={{ . }}
{{- end }}
{{- end }}
{{- if .Values.lookupServiceAccounts.enabled }}
- --lookup-service-accounts
- --kubernetes-ca-file=/var/run/secrets/keymount/ca.crt
- --kubernetes-token-file=/var/run/secrets/keymount/token
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- if kindIs "slice" $value }}
{{- range $value }}
- {{ printf "--%s=%s" $name (include "keymount.scalar" .) | quote }}
{{- end }}
{{- else }}
- {{ printf "--%s=%s" $name (include "keymount.scalar" $value) | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* What every container of the chart runs with. */ -}}
{{- define "keymount.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* What cannot work, said before anything is applied. */ -}}
{{- define "keymount.validate" -}}
{{- if and (has "local" .Values.providers) (not .Values.jwks.enabled) (not (index .Values.settings "jwks-file")) }}
{{- fail "provider local has no login that verifies tokens: set jwks.enabled=true (or settings.jwks-file)" }}
{{- end }}
{{- if and (has "local" .Values.providers) (not (index .Values.settings "local-store")) }}
{{- fail "provider local needs settings.local-store, a file of extraVolumes and extraVolumeMounts" }}
{{- end }}
{{- if and .Values.test.parameters (not (has .Values.test.provider .Values.providers)) }}
{{- fail (printf "test.provider %s is not one of providers: the test's volume would have nobody to ask" .Values.test.provider) }}
{{- end }}
{{- if and .Values.lookupServiceAccounts.enabled (not (has "aws" .Values.providers)) }}
{{- fail "lookupServiceAccounts is for provider aws, which is not one of providers" }}
{{- end }}
{{- if and .Values.ca.configMap .Values.ca.secret }}
{{- fail "ca.configMap and ca.secret: choose one" }}
{{- end }}
{{- if and .Values.jwks.enabled (index .Values.settings "jwks-file") }}
{{- fail "jwks.enabled and settings.jwks-file: choose one" }}
{{- end }}
{{- end }}
