# What those may do with Consul who deploy and call.

# Where the servers are, on whatever nodes.
service "fnq-server" { policy = "read" }

node_prefix "" { policy = "read" }
