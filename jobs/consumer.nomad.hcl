# Consumers: workers speak to them. Found in Consul as `fnq-consumer`.

variable "driver" {
  type        = string
  default     = "docker"
  description = "How the task runs: docker, exec or raw_exec."
  validation {
    condition     = contains(["docker", "exec", "raw_exec"], var.driver)
    error_message = "The driver is one of docker, exec and raw_exec."
  }
}

variable "image" {
  type        = string
  default     = "fnq-consumer:0.1.0"
  description = "Image of the consumer; docker only."
}

variable "command" {
  type        = string
  default     = "/opt/fnq/bin/python"
  description = "Python that has fnq[consumer]; exec and raw_exec only."
}

variable "count" {
  type        = number
  default     = 2
  description = "How many run. With two or more, callers and workers go to another when one ends."
}

variable "service" {
  type        = string
  default     = "fnq-consumer"
  description = "Name in Consul."
  validation {
    condition     = var.service != "" && regex_replace(var.service, "^[A-Za-z0-9-]{1,63}$", "") == ""
    error_message = "It is a name of at most 63 letters, digits and -."
  }
}

variable "tags" {
  type        = list(string)
  default     = ["fnq"]
  description = "Tags in Consul, for tools of your own: nothing of fnq reads them."
}

variable "consul" {
  type        = string
  default     = "127.0.0.1:8500"
  description = "Consul's HTTP address as the task reaches it: the agent of its node."
  validation {
    condition     = var.consul != "" && regex_replace(var.consul, "^[^/]+:[0-9]+$", "") == ""
    error_message = "It is host:port, without http://."
  }
}

variable "redis_service" {
  type        = string
  default     = "fnq-redis"
  description = "Name of Redis in Consul."
  validation {
    condition     = var.redis_service != "" && regex_replace(var.redis_service, "^[A-Za-z0-9-]{1,63}$", "") == ""
    error_message = "It is a name of at most 63 letters, digits and -."
  }
}

variable "tls" {
  type        = string
  default     = "off"
  description = "Whether TLS is spoken between the parts and to Redis: off, on, or mutual, where both ends show a certificate. README.md says where certificates lie."
  validation {
    condition     = contains(["off", "on", "mutual"], var.tls)
    error_message = "It is off, on or mutual."
  }
}

variable "consul_tls" {
  type        = bool
  default     = false
  description = "Whether Consul's address answers HTTPS, with a certificate of the authority in the item CONSUL_CA of the Nomad variable nomad/jobs."
}

variable "log_level" {
  type        = string
  default     = "info"
  description = "debug, info, warning or error."
  validation {
    condition     = contains(["debug", "info", "warning", "error"], var.log_level)
    error_message = "The level is one of debug, info, warning and error."
  }
}

variable "cpu_mhz" {
  type        = number
  default     = 500
  description = "MHz of the node."
}

variable "memory_mb" {
  type        = number
  default     = 512
  description = "MiB."
}

variable "namespace" {
  type        = string
  default     = "default"
  description = "Namespace of Nomad."
}

variable "datacenters" {
  type        = list(string)
  default     = ["*"]
  description = "Where the task may run."
}

variable "node_pool" {
  type        = string
  default     = "default"
  description = "Nodes among which the task may run."
}

variable "update_max_parallel" {
  type        = number
  default     = 1
  description = "How many are replaced at a time when the job changes."
  validation {
    condition     = var.update_max_parallel >= 1
    error_message = "It is at least 1: with 0 all would be replaced at once."
  }
}

variable "update_min_healthy_time" {
  type        = string
  default     = "2s"
  description = "How long a new one must pass its check before the next one is replaced."
}

variable "update_healthy_deadline" {
  type        = string
  default     = "2m"
  description = "Within what time a new one must pass its check; below 10m, Nomad's progress deadline."
}

variable "update_auto_revert" {
  type        = bool
  default     = false
  description = "Whether the last version that was healthy comes back when a new one is not."
}

variable "reschedule_delay" {
  type        = string
  default     = "5s"
  description = "How long one that cannot start on its node waits for another node; doubled each time."
}

variable "reschedule_max_delay" {
  type        = string
  default     = "1m"
  description = "The longest such wait. There is no last attempt."
}

locals {
  tls = var.tls != "off"
  # Files of the task, and where in Nomad's variables what they hold is.
  files = merge(
    local.tls ? {
      "ca.pem"   = ["nomad/jobs", "TLS_CA"]
      "cert.pem" = ["nomad/jobs/fnq-consumer", "TLS_CERT"]
      "key.pem"  = ["nomad/jobs/fnq-consumer", "TLS_KEY"]
    } : {},
    var.consul_tls ? { "consul-ca.pem" = ["nomad/jobs", "CONSUL_CA"] } : {},
  )
  env = merge(
    { FNQ_LOG_LEVEL = var.log_level },
    local.tls ? {
      FNQ_TLS_CA   = "$${NOMAD_SECRETS_DIR}/ca.pem"
      FNQ_TLS_CERT = "$${NOMAD_SECRETS_DIR}/cert.pem"
      FNQ_TLS_KEY  = "$${NOMAD_SECRETS_DIR}/key.pem"
    } : {},
    var.consul_tls ? {
      CONSUL_HTTP_SSL = "true"
      CONSUL_CACERT   = "$${NOMAD_SECRETS_DIR}/consul-ca.pem"
    } : {},
  )
}

job "fnq-consumer" {
  type        = "service"
  namespace   = var.namespace
  datacenters = var.datacenters
  node_pool   = var.node_pool

  # One after another, so that those who lose theirs find another.
  update {
    max_parallel     = var.update_max_parallel
    min_healthy_time = var.update_min_healthy_time
    healthy_deadline = var.update_healthy_deadline
    auto_revert      = var.update_auto_revert
  }

  group "consumer" {
    count = var.count

    # On as many nodes as there are: the loss of one costs one.
    spread {
      attribute = "$${node.unique.id}"
    }

    network {
      mode = "host"
      port "grpc" {}
    }

    service {
      name     = var.service
      port     = "grpc"
      provider = "consul"
      tags     = var.tags

      check {
        type     = "grpc"
        interval = "2s"
        timeout  = "1s"
        # It learns how the task is, and gives nothing away: whom it asks need not be proved.
        grpc_use_tls    = local.tls
        tls_skip_verify = local.tls
      }
    }

    restart {
      attempts = 10
      interval = "5m"
      delay    = "1s"
      mode     = "delay"
    }

    reschedule {
      delay          = var.reschedule_delay
      delay_function = "exponential"
      max_delay      = var.reschedule_max_delay
      unlimited      = true
    }

    task "consumer" {
      driver      = var.driver
      kill_signal = "SIGTERM"
      # First Consul names it no longer, then it is told to end.
      shutdown_delay = "2s"
      kill_timeout   = "30s"

      config {
        image        = var.driver == "docker" ? var.image : null
        network_mode = var.driver == "docker" ? "host" : null
        init         = var.driver == "docker" ? true : null
        command      = var.driver == "docker" ? null : var.command
        args = concat(var.driver == "docker" ? [] : ["-m", "fnq_consumer"], [
          "--listen", "$${NOMAD_ADDR_grpc}",
          "--redis", "${local.tls ? "rediss" : "redis"}+consul://${var.consul}/${var.redis_service}",
        ], var.tls == "mutual" ? ["--tls-client-ca", "$${NOMAD_SECRETS_DIR}/ca.pem"] : [])
      }

      env = local.env

      # Whoever dials reads them anew. After a change of its own the task must be restarted.
      dynamic "template" {
        for_each = local.files
        content {
          destination = "$${NOMAD_SECRETS_DIR}/${template.key}"
          # The user of an image or a chroot is not the one who writes them.
          perms                = var.driver == "raw_exec" ? "0600" : "0644"
          change_mode          = "noop"
          error_on_missing_key = true
          data                 = "{{ with nomadVar \"${template.value[0]}\" }}{{ .${template.value[1]}.Value }}{{ end }}"
        }
      }

      # Without FNQ_TOKEN the address must be loopback. Consul's token is this job's own, or
      # else the one that functions have.
      template {
        destination = "$${NOMAD_SECRETS_DIR}/fnq.env"
        env         = true
        perms       = "0600"
        change_mode = "noop"
        data        = <<-EOF
          {{- if nomadVarExists "nomad/jobs" }}{{ with nomadVar "nomad/jobs" }}
          {{- if .FNQ_TOKEN }}
          FNQ_TOKEN={{ .FNQ_TOKEN.Value | toJSON }}
          {{- end }}{{ if .REDIS_PASSWORD }}
          REDIS_PASSWORD={{ .REDIS_PASSWORD.Value | toJSON }}
          {{- end }}{{ if .CONSUL_HTTP_TOKEN }}
          CONSUL_HTTP_TOKEN={{ .CONSUL_HTTP_TOKEN.Value | toJSON }}
          {{- end }}{{ end }}{{ end }}
          {{- if nomadVarExists "nomad/jobs/fnq-consumer" }}{{ with nomadVar "nomad/jobs/fnq-consumer" }}
          {{- if .CONSUL_HTTP_TOKEN }}
          CONSUL_HTTP_TOKEN={{ .CONSUL_HTTP_TOKEN.Value | toJSON }}
          {{- end }}{{ end }}{{ end }}
        EOF
      }

      resources {
        cpu    = var.cpu_mhz
        memory = var.memory_mb
      }
    }
  }
}
