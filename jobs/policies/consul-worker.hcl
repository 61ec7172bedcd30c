# What workers may do with Consul, and with them the functions that they run.

# Where the three parts of the system are, on whatever nodes.
service "fnq-server" { policy = "read" }

service "fnq-consumer" { policy = "read" }

service "fnq-redis" { policy = "read" }

node_prefix "" { policy = "read" }
