# What servers may do with Consul.

# Where Redis is, on whatever node.
service "fnq-redis" { policy = "read" }

node_prefix "" { policy = "read" }

# What functions may ask for, where worker_bounds_key names this key.
key "fnq/bounds" { policy = "read" }
