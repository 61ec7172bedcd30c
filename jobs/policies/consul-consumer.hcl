# What consumers may do with Consul.

# Where Redis is, on whatever node.
service "fnq-redis" { policy = "read" }

node_prefix "" { policy = "read" }
