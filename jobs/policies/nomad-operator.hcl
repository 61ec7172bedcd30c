# What it takes to run the three jobs, to replace their allocations, and to end them.

namespace "default" {
  capabilities = [
    "list-jobs",       # nomad job status fnq-
    "read-job",        # nomad job run waits until the job is healthy
    "register-job",    # nomad job run
    "deregister-job",  # nomad job stop
    "alloc-lifecycle", # nomad job restart
  ]

  variables {
    # What all jobs may read, as token and password: nomad var put, nomad var get.
    path "nomad/jobs" {
      capabilities = [
        "read",
        "write",
      ]
    }

    # What each part alone may read, with TLS their keys.
    path "nomad/jobs/fnq-redis" {
      capabilities = [
        "read",
        "write",
      ]
    }

    path "nomad/jobs/fnq-server" {
      capabilities = [
        "read",
        "write",
      ]
    }

    path "nomad/jobs/fnq-consumer" {
      capabilities = [
        "read",
        "write",
      ]
    }
  }
}

# With docker and exec: to have the data of Redis mounted.
host_volume "fnq-redis" { policy = "write" }
