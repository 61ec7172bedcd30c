from fnq.v1 import spec_pb2 as _spec_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PlanRequest(_message.Message):
    __slots__ = ("namespace", "specs")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SPECS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    specs: _containers.RepeatedCompositeFieldContainer[_spec_pb2.FunctionSpec]
    def __init__(self, namespace: _Optional[str] = ..., specs: _Optional[_Iterable[_Union[_spec_pb2.FunctionSpec, _Mapping]]] = ...) -> None: ...

class PlannedVersion(_message.Message):
    __slots__ = ("id", "number", "known", "current_number", "current", "job", "lacks", "forecast", "files")
    ID_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    CURRENT_NUMBER_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    LACKS_FIELD_NUMBER: _ClassVar[int]
    FORECAST_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    id: str
    number: int
    known: bool
    current_number: int
    current: _spec_pb2.FunctionSpec
    job: str
    lacks: _containers.RepeatedScalarFieldContainer[str]
    forecast: _containers.RepeatedScalarFieldContainer[str]
    files: _containers.RepeatedCompositeFieldContainer[PlannedFile]
    def __init__(self, id: _Optional[str] = ..., number: _Optional[int] = ..., known: _Optional[bool] = ..., current_number: _Optional[int] = ..., current: _Optional[_Union[_spec_pb2.FunctionSpec, _Mapping]] = ..., job: _Optional[str] = ..., lacks: _Optional[_Iterable[str]] = ..., forecast: _Optional[_Iterable[str]] = ..., files: _Optional[_Iterable[_Union[PlannedFile, _Mapping]]] = ...) -> None: ...

class PlannedFile(_message.Message):
    __slots__ = ("name", "text")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class PlanReply(_message.Message):
    __slots__ = ("versions",)
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[PlannedVersion]
    def __init__(self, versions: _Optional[_Iterable[_Union[PlannedVersion, _Mapping]]] = ...) -> None: ...
