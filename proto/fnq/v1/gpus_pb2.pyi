from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListGpusRequest(_message.Message):
    __slots__ = ("namespace",)
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    def __init__(self, namespace: _Optional[str] = ...) -> None: ...

class GpuHolder(_message.Message):
    __slots__ = ("function", "version", "replica", "other", "busy")
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIELD_NUMBER: _ClassVar[int]
    BUSY_FIELD_NUMBER: _ClassVar[int]
    function: str
    version: str
    replica: int
    other: str
    busy: int
    def __init__(self, function: _Optional[str] = ..., version: _Optional[str] = ..., replica: _Optional[int] = ..., other: _Optional[str] = ..., busy: _Optional[int] = ...) -> None: ...

class GpuState(_message.Message):
    __slots__ = ("node", "model", "id", "memory_bytes", "state", "fault", "holders")
    NODE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    HOLDERS_FIELD_NUMBER: _ClassVar[int]
    node: str
    model: str
    id: str
    memory_bytes: int
    state: str
    fault: str
    holders: _containers.RepeatedCompositeFieldContainer[GpuHolder]
    def __init__(self, node: _Optional[str] = ..., model: _Optional[str] = ..., id: _Optional[str] = ..., memory_bytes: _Optional[int] = ..., state: _Optional[str] = ..., fault: _Optional[str] = ..., holders: _Optional[_Iterable[_Union[GpuHolder, _Mapping]]] = ...) -> None: ...

class ListGpusReply(_message.Message):
    __slots__ = ("gpus",)
    GPUS_FIELD_NUMBER: _ClassVar[int]
    gpus: _containers.RepeatedCompositeFieldContainer[GpuState]
    def __init__(self, gpus: _Optional[_Iterable[_Union[GpuState, _Mapping]]] = ...) -> None: ...
