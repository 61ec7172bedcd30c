from fnq.v1 import scaling_pb2 as _scaling_pb2
from fnq.v1 import spec_pb2 as _spec_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeployRequest(_message.Message):
    __slots__ = ("namespace", "specs", "local_secrets", "strict")
    class LocalSecretsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SPECS_FIELD_NUMBER: _ClassVar[int]
    LOCAL_SECRETS_FIELD_NUMBER: _ClassVar[int]
    STRICT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    specs: _containers.RepeatedCompositeFieldContainer[_spec_pb2.FunctionSpec]
    local_secrets: _containers.ScalarMap[str, bytes]
    strict: bool
    def __init__(self, namespace: _Optional[str] = ..., specs: _Optional[_Iterable[_Union[_spec_pb2.FunctionSpec, _Mapping]]] = ..., local_secrets: _Optional[_Mapping[str, bytes]] = ..., strict: _Optional[bool] = ...) -> None: ...

class DeployEvent(_message.Message):
    __slots__ = ("progress", "reply", "failure")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    reply: DeployReply
    failure: DeployFailure
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., reply: _Optional[_Union[DeployReply, _Mapping]] = ..., failure: _Optional[_Union[DeployFailure, _Mapping]] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("function", "step", "output")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    function: str
    step: str
    output: str
    def __init__(self, function: _Optional[str] = ..., step: _Optional[str] = ..., output: _Optional[str] = ...) -> None: ...

class DeployFailure(_message.Message):
    __slots__ = ("function", "error", "message", "traceback")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    function: str
    error: str
    message: str
    traceback: str
    def __init__(self, function: _Optional[str] = ..., error: _Optional[str] = ..., message: _Optional[str] = ..., traceback: _Optional[str] = ...) -> None: ...

class DeployReply(_message.Message):
    __slots__ = ("missing_bundles", "versions", "active", "missing_limits", "warnings")
    MISSING_BUNDLES_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    MISSING_LIMITS_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    missing_bundles: _containers.RepeatedScalarFieldContainer[str]
    versions: _containers.RepeatedCompositeFieldContainer[FunctionVersion]
    active: _containers.RepeatedScalarFieldContainer[str]
    missing_limits: _containers.RepeatedScalarFieldContainer[str]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, missing_bundles: _Optional[_Iterable[str]] = ..., versions: _Optional[_Iterable[_Union[FunctionVersion, _Mapping]]] = ..., active: _Optional[_Iterable[str]] = ..., missing_limits: _Optional[_Iterable[str]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class BundlePart(_message.Message):
    __slots__ = ("hash", "data")
    HASH_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    hash: str
    data: bytes
    def __init__(self, hash: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class BundleReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LookupRequest(_message.Message):
    __slots__ = ("namespace", "name", "number")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    number: int
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class FunctionVersion(_message.Message):
    __slots__ = ("id", "number", "spec", "created_ms", "set")
    ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    id: str
    number: int
    spec: _spec_pb2.FunctionSpec
    created_ms: int
    set: int
    def __init__(self, id: _Optional[str] = ..., number: _Optional[int] = ..., spec: _Optional[_Union[_spec_pb2.FunctionSpec, _Mapping]] = ..., created_ms: _Optional[int] = ..., set: _Optional[int] = ...) -> None: ...

class WaitReadyRequest(_message.Message):
    __slots__ = ("namespace", "version")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    version: str
    def __init__(self, namespace: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class Readiness(_message.Message):
    __slots__ = ("state", "reason", "traceback")
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    state: str
    reason: str
    traceback: str
    def __init__(self, state: _Optional[str] = ..., reason: _Optional[str] = ..., traceback: _Optional[str] = ...) -> None: ...

class Process(_message.Message):
    __slots__ = ("role", "pid", "address", "function", "version", "replica", "busy", "state")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    BUSY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    role: str
    pid: int
    address: str
    function: str
    version: str
    replica: int
    busy: int
    state: str
    def __init__(self, role: _Optional[str] = ..., pid: _Optional[int] = ..., address: _Optional[str] = ..., function: _Optional[str] = ..., version: _Optional[str] = ..., replica: _Optional[int] = ..., busy: _Optional[int] = ..., state: _Optional[str] = ...) -> None: ...

class StatusRequest(_message.Message):
    __slots__ = ("namespace",)
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    def __init__(self, namespace: _Optional[str] = ...) -> None: ...

class FunctionStatus(_message.Message):
    __slots__ = ("version", "queued", "running", "inactive", "limit", "scaling")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    INACTIVE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    SCALING_FIELD_NUMBER: _ClassVar[int]
    version: FunctionVersion
    queued: int
    running: int
    inactive: _containers.RepeatedScalarFieldContainer[str]
    limit: str
    scaling: _scaling_pb2.ScalingState
    def __init__(self, version: _Optional[_Union[FunctionVersion, _Mapping]] = ..., queued: _Optional[int] = ..., running: _Optional[int] = ..., inactive: _Optional[_Iterable[str]] = ..., limit: _Optional[str] = ..., scaling: _Optional[_Union[_scaling_pb2.ScalingState, _Mapping]] = ...) -> None: ...

class StatusReply(_message.Message):
    __slots__ = ("processes", "functions", "redis_version", "redis_bytes")
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    REDIS_VERSION_FIELD_NUMBER: _ClassVar[int]
    REDIS_BYTES_FIELD_NUMBER: _ClassVar[int]
    processes: _containers.RepeatedCompositeFieldContainer[Process]
    functions: _containers.RepeatedCompositeFieldContainer[FunctionStatus]
    redis_version: str
    redis_bytes: int
    def __init__(self, processes: _Optional[_Iterable[_Union[Process, _Mapping]]] = ..., functions: _Optional[_Iterable[_Union[FunctionStatus, _Mapping]]] = ..., redis_version: _Optional[str] = ..., redis_bytes: _Optional[int] = ...) -> None: ...

class LogsRequest(_message.Message):
    __slots__ = ("namespace", "function", "call", "follow", "tail")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    TAIL_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    function: str
    call: str
    follow: bool
    tail: int
    def __init__(self, namespace: _Optional[str] = ..., function: _Optional[str] = ..., call: _Optional[str] = ..., follow: _Optional[bool] = ..., tail: _Optional[int] = ...) -> None: ...

class LogLine(_message.Message):
    __slots__ = ("at_ms", "function", "call", "source", "text")
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    function: str
    call: bytes
    source: str
    text: str
    def __init__(self, at_ms: _Optional[int] = ..., function: _Optional[str] = ..., call: _Optional[bytes] = ..., source: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...
