job "fnq-make-receipt-5f0c1de2" {
  name        = "fnq-make-receipt-5f0c1de2"
  type        = "service"
  namespace   = "fn"
  node_pool   = "cpu"
  datacenters = ["eu-*"]

  meta = {
    "fnq.namespace" = "default"
    "fnq.function"  = "Make_Receipt"
    "fnq.version"   = "5f0c1de2a9b84c7e6d3f2a1b0c9d8e7f"
    "fnq.digest"    = "6224db4ca6c40e4e"
    "fnq.since"     = "1795545800000"
  }

  update {
    max_parallel = 0
  }

  group "worker" {
    count = 3

    restart {
      attempts = 3
      interval = "300s"
      delay    = "2s"
      mode     = "fail"
    }

    reschedule {
      delay          = "5s"
      delay_function = "exponential"
      max_delay      = "60s"
      unlimited      = true
    }

    ephemeral_disk {
      size = 300
    }

    task "worker" {
      driver       = "docker"
      kill_signal  = "SIGTERM"
      kill_timeout = "30s"

      config {
        image   = "registry.example:5000/team/fnq-image@sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
        command = "/opt/fnq/work"
        args = [
          "--consumer",
          "consul://10.0.0.1:8500",
          "--host",
          "$${attr.unique.network.ip-address}",
          "--server",
          "consul://10.0.0.1:8500",
          "--redis",
          "redis+consul://10.0.0.1:8500",
          "--namespace",
          "default",
          "--version",
          "5f0c1de2a9b84c7e6d3f2a1b0c9d8e7f",
          "--replica",
          "$${NOMAD_ALLOC_INDEX}",
          "--work",
          "$${NOMAD_TASK_DIR}",
          "--patience",
          "30",
        ]
        network_mode = "host"
        init         = true

        auth {
          username = "$${FNQ_REGISTRY_USER}"
          password = "$${FNQ_REGISTRY_PASSWORD}"
        }
      }

      template {
        destination = "secrets/fnq.env"
        data        = "{{ if nomadVarExists \"nomad/jobs\" }}{{ with nomadVar \"nomad/jobs\" }}{{ with .FNQ_TOKEN.Value }}FNQ_TOKEN={{ . | toJSON }}\n{{ end }}{{ with .REDIS_PASSWORD.Value }}REDIS_PASSWORD={{ . | toJSON }}\n{{ end }}{{ with .CONSUL_HTTP_TOKEN.Value }}CONSUL_HTTP_TOKEN={{ . | toJSON }}\n{{ end }}{{ end }}{{ end }}"
        perms       = "0600"
        env         = true
        change_mode = "noop"
      }

      template {
        destination = "secrets/fnq-registry.env"
        data        = "{{ with nomadVar \"nomad/jobs\" }}FNQ_REGISTRY_USER={{ with .FNQ_REGISTRY_USER }}{{ .Value | toJSON }}{{ end }}\nFNQ_REGISTRY_PASSWORD={{ with .FNQ_REGISTRY_PASSWORD }}{{ .Value | toJSON }}{{ end }}\n{{ end }}"
        perms       = "0600"
        env         = true
        change_mode = "noop"
      }

      resources {
        cpu    = 100
        memory = 512
      }

      logs {
        max_files     = 3
        max_file_size = 10
      }
    }
  }
}
