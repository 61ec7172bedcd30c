# The one Redis of the system. Found in Consul as `fnq-redis`; asks for a password when
# the Nomad variable `nomad/jobs` has an item REDIS_PASSWORD.

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
  default     = "redis:7-bookworm"
  description = "Image with redis-server or valkey-server; docker only."
}

variable "command" {
  type        = string
  default     = "redis-server"
  description = "The server in the image, or its path where the driver is exec or raw_exec."
}

variable "volume" {
  type        = string
  default     = ""
  description = "Host volume that keeps the data, for docker and exec; empty: the allocation keeps it."
}

variable "data" {
  type        = string
  default     = ""
  description = "Directory that keeps the data, for raw_exec, which mounts no volumes; it must exist. Empty: the allocation keeps it."
  validation {
    condition     = regex_replace(var.data, "^/.*$", "") == ""
    error_message = "It is the whole path of a directory, from / on."
  }
}

# Not everysec: while the disk is busy, that answers first and writes up to two seconds
# later, so a killed Redis would forget what it had acknowledged.
variable "appendfsync" {
  type        = string
  default     = "no"
  description = "What survives the node's loss of power: with no, what the kernel has written, within about 30 s; with always, everything, and each write waits for the disk. A killed Redis loses nothing either way."
  validation {
    condition     = contains(["no", "always"], var.appendfsync)
    error_message = "It is no or always: with everysec a killed Redis may lose what it acknowledged."
  }
}

variable "service" {
  type        = string
  default     = "fnq-redis"
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

variable "tls" {
  type        = string
  default     = "off"
  description = "Whether TLS is spoken with Redis, instead of plain TCP: off, on, or mutual, where both ends show a certificate. README.md says where certificates lie."
  validation {
    condition     = contains(["off", "on", "mutual"], var.tls)
    error_message = "It is off, on or mutual."
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
  description = "MiB. What is queued and the results on their way have three quarters of it; when these are full, new calls are refused."
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

variable "update_min_healthy_time" {
  type        = string
  default     = "2s"
  description = "How long a new one must pass its check."
}

variable "update_healthy_deadline" {
  type        = string
  default     = "5m"
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
  native = var.driver == "raw_exec"
  tls    = var.tls != "off"
  files = local.tls ? {
    "ca.pem"   = ["nomad/jobs", "TLS_CA"]
    "cert.pem" = ["nomad/jobs/fnq-redis", "TLS_CERT"]
    "key.pem"  = ["nomad/jobs/fnq-redis", "TLS_KEY"]
  } : {}
  mounts = var.volume != "" ? [var.volume] : []
  folder = length(local.mounts) > 0 ? "/data" : var.data
  misfit = (
    local.native && var.volume != "" ? "raw_exec mounts no volumes: set data, a directory"
    : !local.native && var.data != "" ? "only raw_exec keeps data in a directory: set volume"
    : ""
  )
  # A validation sees one variable only. This fails with the sentence, since it is no number.
  fits = local.misfit == "" ? 0 : parseint(local.misfit, 10)
}

job "fnq-redis" {
  type        = "service"
  namespace   = var.namespace
  datacenters = var.datacenters
  node_pool   = var.node_pool

  group "redis" {
    count = 1

    network {
      mode = "host"
      port "redis" {}
    }

    service {
      name     = var.service
      port     = "redis"
      provider = "consul"
      tags     = var.tags

      check {
        type     = "tcp"
        interval = "2s"
        timeout  = "1s"
      }
    }

    dynamic "volume" {
      for_each = local.mounts
      labels   = ["data"]
      content {
        type            = "host"
        source          = volume.value
        access_mode     = "single-node-writer"
        attachment_mode = "file-system"
      }
    }

    # An update ends the old one first; its successor waits for it, as both use one file.
    update {
      max_parallel     = 1
      min_healthy_time = var.update_min_healthy_time
      healthy_deadline = var.update_healthy_deadline
      auto_revert      = var.update_auto_revert
    }

    # Where neither a volume nor a directory keeps the data, a new allocation on the
    # same node takes over what the old one had.
    ephemeral_disk {
      size   = 1024
      sticky = true
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

    task "redis" {
      driver         = var.driver
      kill_signal    = "SIGTERM"
      kill_timeout   = "30s"
      shutdown_delay = "1s"

      config {
        command      = var.command
        args         = ["$${NOMAD_SECRETS_DIR}/redis.conf"]
        image        = var.driver == "docker" ? var.image : null
        network_mode = var.driver == "docker" ? "host" : null
      }

      dynamic "volume_mount" {
        for_each = local.mounts
        content {
          volume      = "data"
          destination = "/data"
        }
      }

      dynamic "template" {
        for_each = local.files
        content {
          destination          = "$${NOMAD_SECRETS_DIR}/${template.key}"
          perms                = local.native ? "0600" : "0644"
          change_mode          = "noop"
          error_on_missing_key = true
          data                 = "{{ with nomadVar \"${template.value[0]}\" }}{{ .${template.value[1]}.Value }}{{ end }}"
        }
      }

      # The address is the node's own: loopback where Nomad was told so. Without a
      # password Redis itself refuses whoever comes from elsewhere.
      template {
        destination = "$${NOMAD_SECRETS_DIR}/redis.conf"
        # It has the password. The server of an image or a chroot is not the user who
        # writes it, and must read it; there it lies where no other task looks.
        perms       = local.native ? "0600" : "0644"
        change_mode = "noop"
        data        = <<-EOF
          bind {{ env "NOMAD_IP_redis" }}
          ${local.tls ? "port 0" : ""}
          ${local.tls ? "tls-" : ""}port {{ env "NOMAD_PORT_redis" }}
          %{if local.tls}
          tls-ca-cert-file {{ env "NOMAD_SECRETS_DIR" }}/ca.pem
          tls-cert-file {{ env "NOMAD_SECRETS_DIR" }}/cert.pem
          tls-key-file {{ env "NOMAD_SECRETS_DIR" }}/key.pem
          tls-auth-clients ${var.tls == "mutual" ? "yes" : "no"}
          %{endif}
          dir {{ printf "%q" (or ${jsonencode(local.folder)} (env "NOMAD_ALLOC_DIR" | printf "%s/data")) }}
          appendonly yes
          appendfsync ${var.appendfsync}
          save ""
          maxmemory ${floor(var.memory_mb * 0.75)}mb
          maxmemory-policy noeviction
          protected-mode yes
          {{- if nomadVarExists "nomad/jobs" }}{{ with nomadVar "nomad/jobs" }}
          {{- if .REDIS_PASSWORD }}
          requirepass {{ printf "%q" .REDIS_PASSWORD.Value }}
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
