module countersign.dev/real/vault

go 1.26.0

require (
	github.com/hashicorp/go-hclog v1.5.0
	// under the MPL, and what it was published with
	github.com/hashicorp/vault v1.14.0
	github.com/hashicorp/vault-plugin-secrets-kv v0.15.0
	github.com/hashicorp/vault/api v1.9.2
	github.com/hashicorp/vault/sdk v0.9.2-0.20230530190758-08ee474850e0
)

replace github.com/hashicorp/go-discover => ./discover
