module github.com/carafeweb/carafe/e2e/proxies

go 1.26.0

require github.com/carafeweb/carafe v0.0.0

require go.yaml.in/yaml/v3 v3.0.6

replace github.com/carafeweb/carafe => ../..
