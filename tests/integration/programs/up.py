# Starts the stack, as any first call does.
import chalkcompute

try:
    chalkcompute.RemoteFunction.from_name("nobody").wait_ready()
except LookupError:
    pass
