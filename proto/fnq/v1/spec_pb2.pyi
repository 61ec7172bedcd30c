from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Resources(_message.Message):
    __slots__ = ("cpu_millis", "memory_bytes", "gpu", "gpu_count", "gpu_memory_bytes", "gpu_fallbacks")
    CPU_MILLIS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    GPU_FIELD_NUMBER: _ClassVar[int]
    GPU_COUNT_FIELD_NUMBER: _ClassVar[int]
    GPU_MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    GPU_FALLBACKS_FIELD_NUMBER: _ClassVar[int]
    cpu_millis: int
    memory_bytes: int
    gpu: str
    gpu_count: int
    gpu_memory_bytes: int
    gpu_fallbacks: _containers.RepeatedCompositeFieldContainer[GpuAsk]
    def __init__(self, cpu_millis: _Optional[int] = ..., memory_bytes: _Optional[int] = ..., gpu: _Optional[str] = ..., gpu_count: _Optional[int] = ..., gpu_memory_bytes: _Optional[int] = ..., gpu_fallbacks: _Optional[_Iterable[_Union[GpuAsk, _Mapping]]] = ...) -> None: ...

class GpuAsk(_message.Message):
    __slots__ = ("name", "count", "memory_bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    count: int
    memory_bytes: int
    def __init__(self, name: _Optional[str] = ..., count: _Optional[int] = ..., memory_bytes: _Optional[int] = ...) -> None: ...

class Batching(_message.Message):
    __slots__ = ("max_size", "max_buffer_ms")
    MAX_SIZE_FIELD_NUMBER: _ClassVar[int]
    MAX_BUFFER_MS_FIELD_NUMBER: _ClassVar[int]
    max_size: int
    max_buffer_ms: int
    def __init__(self, max_size: _Optional[int] = ..., max_buffer_ms: _Optional[int] = ...) -> None: ...

class Retry(_message.Message):
    __slots__ = ("attempts", "initial", "multiplier", "max_wait", "jitter", "timeouts")
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    INITIAL_FIELD_NUMBER: _ClassVar[int]
    MULTIPLIER_FIELD_NUMBER: _ClassVar[int]
    MAX_WAIT_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    TIMEOUTS_FIELD_NUMBER: _ClassVar[int]
    attempts: int
    initial: float
    multiplier: float
    max_wait: float
    jitter: bool
    timeouts: bool
    def __init__(self, attempts: _Optional[int] = ..., initial: _Optional[float] = ..., multiplier: _Optional[float] = ..., max_wait: _Optional[float] = ..., jitter: _Optional[bool] = ..., timeouts: _Optional[bool] = ...) -> None: ...

class SecretRef(_message.Message):
    __slots__ = ("source", "name")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    source: str
    name: str
    def __init__(self, source: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class VolumeMount(_message.Message):
    __slots__ = ("volume", "path")
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    volume: str
    path: str
    def __init__(self, volume: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class ImageStep(_message.Message):
    __slots__ = ("verb", "arguments")
    VERB_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    verb: str
    arguments: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, verb: _Optional[str] = ..., arguments: _Optional[_Iterable[str]] = ...) -> None: ...

class Parameter(_message.Message):
    __slots__ = ("name", "kind", "required", "type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    required: bool
    type: str
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., required: _Optional[bool] = ..., type: _Optional[str] = ...) -> None: ...

class FunctionSpec(_message.Message):
    __slots__ = ("name", "module", "qualname", "kind", "parameters", "returns", "image", "resources", "env", "min_replicas", "max_replicas", "volumes", "secrets", "suspend_cooldown_s", "options", "batching", "retry", "rate_limit_key", "concurrency", "timeout_s", "max_queue", "result_ttl_s", "bundle", "python")
    class EnvEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class OptionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    QUALNAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    RETURNS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    MIN_REPLICAS_FIELD_NUMBER: _ClassVar[int]
    MAX_REPLICAS_FIELD_NUMBER: _ClassVar[int]
    VOLUMES_FIELD_NUMBER: _ClassVar[int]
    SECRETS_FIELD_NUMBER: _ClassVar[int]
    SUSPEND_COOLDOWN_S_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    BATCHING_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    RATE_LIMIT_KEY_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    MAX_QUEUE_FIELD_NUMBER: _ClassVar[int]
    RESULT_TTL_S_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    name: str
    module: str
    qualname: str
    kind: str
    parameters: _containers.RepeatedCompositeFieldContainer[Parameter]
    returns: str
    image: _containers.RepeatedCompositeFieldContainer[ImageStep]
    resources: Resources
    env: _containers.ScalarMap[str, str]
    min_replicas: int
    max_replicas: int
    volumes: _containers.RepeatedCompositeFieldContainer[VolumeMount]
    secrets: _containers.RepeatedCompositeFieldContainer[SecretRef]
    suspend_cooldown_s: float
    options: _containers.ScalarMap[str, str]
    batching: Batching
    retry: Retry
    rate_limit_key: str
    concurrency: int
    timeout_s: float
    max_queue: int
    result_ttl_s: float
    bundle: str
    python: str
    def __init__(self, name: _Optional[str] = ..., module: _Optional[str] = ..., qualname: _Optional[str] = ..., kind: _Optional[str] = ..., parameters: _Optional[_Iterable[_Union[Parameter, _Mapping]]] = ..., returns: _Optional[str] = ..., image: _Optional[_Iterable[_Union[ImageStep, _Mapping]]] = ..., resources: _Optional[_Union[Resources, _Mapping]] = ..., env: _Optional[_Mapping[str, str]] = ..., min_replicas: _Optional[int] = ..., max_replicas: _Optional[int] = ..., volumes: _Optional[_Iterable[_Union[VolumeMount, _Mapping]]] = ..., secrets: _Optional[_Iterable[_Union[SecretRef, _Mapping]]] = ..., suspend_cooldown_s: _Optional[float] = ..., options: _Optional[_Mapping[str, str]] = ..., batching: _Optional[_Union[Batching, _Mapping]] = ..., retry: _Optional[_Union[Retry, _Mapping]] = ..., rate_limit_key: _Optional[str] = ..., concurrency: _Optional[int] = ..., timeout_s: _Optional[float] = ..., max_queue: _Optional[int] = ..., result_ttl_s: _Optional[float] = ..., bundle: _Optional[str] = ..., python: _Optional[str] = ...) -> None: ...
