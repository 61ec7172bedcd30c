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

job "fnq-consumer" {
  type        = "service"
  namespace   = var.namespace
  datacenters = var.datacenters
  node_pool   = var.node_pool

  # One after another, so that those who lose theirs find another.
  update {
    max_parallel     = 1
    min_healthy_time = "2s"
    healthy_deadline = "2m"
  }

  group "consumer" {
    count = var.count

    network {
      mode = "host"
      port "grpc" {}
    }

    service {
      name     = var.service
      port     = "grpc"
      provider = "consul"

      check {
        type     = "grpc"
        interval = "2s"
        timeout  = "1s"
      }
    }

    restart {
      attempts = 10
      interval = "5m"
      delay    = "1s"
      mode     = "delay"
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
          "--redis", "redis+consul://${var.consul}/${var.redis_service}",
        ])
      }

      env {
        FNQ_LOG_LEVEL = var.log_level
      }

      # Without the variable there is no token, and then the address must be loopback.
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
