from fnq.v1 import spec_pb2 as _spec_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VersionFacts(_message.Message):
    __slots__ = ("id", "number", "created_ms", "state", "queued", "running", "workers", "failure", "spec")
    ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    id: str
    number: int
    created_ms: int
    state: str
    queued: int
    running: int
    workers: int
    failure: str
    spec: _spec_pb2.FunctionSpec
    def __init__(self, id: _Optional[str] = ..., number: _Optional[int] = ..., created_ms: _Optional[int] = ..., state: _Optional[str] = ..., queued: _Optional[int] = ..., running: _Optional[int] = ..., workers: _Optional[int] = ..., failure: _Optional[str] = ..., spec: _Optional[_Union[_spec_pb2.FunctionSpec, _Mapping]] = ...) -> None: ...

class FunctionFacts(_message.Message):
    __slots__ = ("name", "version", "versions")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: VersionFacts
    versions: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[_Union[VersionFacts, _Mapping]] = ..., versions: _Optional[int] = ...) -> None: ...

class ListFunctionsRequest(_message.Message):
    __slots__ = ("namespace",)
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    def __init__(self, namespace: _Optional[str] = ...) -> None: ...

class ListFunctionsReply(_message.Message):
    __slots__ = ("functions",)
    FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    functions: _containers.RepeatedCompositeFieldContainer[FunctionFacts]
    def __init__(self, functions: _Optional[_Iterable[_Union[FunctionFacts, _Mapping]]] = ...) -> None: ...

class VersionsRequest(_message.Message):
    __slots__ = ("namespace", "name")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class VersionsReply(_message.Message):
    __slots__ = ("versions",)
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[VersionFacts]
    def __init__(self, versions: _Optional[_Iterable[_Union[VersionFacts, _Mapping]]] = ...) -> None: ...

class RollbackRequest(_message.Message):
    __slots__ = ("namespace", "name", "number", "id")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    number: int
    id: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., number: _Optional[int] = ..., id: _Optional[str] = ...) -> None: ...

class DeleteFunctionRequest(_message.Message):
    __slots__ = ("namespace", "name")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class DeleteFunctionReply(_message.Message):
    __slots__ = ("versions", "ended")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    versions: int
    ended: int
    def __init__(self, versions: _Optional[int] = ..., ended: _Optional[int] = ...) -> None: ...
