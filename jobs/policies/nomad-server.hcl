# What servers may do with Nomad. Applied to their job, it needs no token that anybody keeps:
#   nomad acl policy apply -namespace default -job fnq-server fnq-server nomad-server.hcl

namespace "default" {
  capabilities = [
    "list-jobs",          # whose workers there are: fnq status
    "read-job",           # how they are, and why one waits
    "plan-job",           # what a deploy would change: fnq deploy --plan
    "register-job",       # workers of a new version
    "scale-job",          # more of them, or fewer
    "deregister-job",     # none any more
    "evaluate-job",       # another look for a GPU that was ill
    "read-logs",          # fnq logs, and why a worker ended
    "host-volume-create", # volumes: found, and made for the function that names them first
    "host-volume-delete", # fnq volume delete
  ]

  variables {
    # Secrets as they were set: fnq secret, fnq integration.
    path "fnq/secrets/*" {
      capabilities = [
        "read",
        "write",
        "destroy",
      ]
    }

    # The copy that the job of a function is given.
    path "nomad/jobs/fnq-*" {
      capabilities = [
        "read",
        "write",
        "destroy",
      ]
    }
  }
}

# To have volumes of functions mounted. For an operator's own host volume one more, of its name;
# for one of CSI the capabilities "csi-read-volume" and "csi-mount-volume", and
# plugin { policy = "read" }.
host_volume "fnvol-*" { policy = "write" }

# Where there is room, which GPUs there are, on which node a volume lies.
node { policy = "read" }
