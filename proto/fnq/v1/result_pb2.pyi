from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Reference(_message.Message):
    __slots__ = ("house", "key", "size")
    class House(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        HOUSE_UNSPECIFIED: _ClassVar[Reference.House]
        SPOOL: _ClassVar[Reference.House]
        CHUNKS: _ClassVar[Reference.House]
    HOUSE_UNSPECIFIED: Reference.House
    SPOOL: Reference.House
    CHUNKS: Reference.House
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    house: Reference.House
    key: str
    size: int
    def __init__(self, house: _Optional[_Union[Reference.House, str]] = ..., key: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class Payload(_message.Message):
    __slots__ = ("inline", "reference")
    INLINE_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    inline: bytes
    reference: Reference
    def __init__(self, inline: _Optional[bytes] = ..., reference: _Optional[_Union[Reference, _Mapping]] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("error", "exception_type", "message", "traceback", "detail")
    class DetailEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ERROR_FIELD_NUMBER: _ClassVar[int]
    EXCEPTION_TYPE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    error: str
    exception_type: str
    message: str
    traceback: str
    detail: _containers.ScalarMap[str, str]
    def __init__(self, error: _Optional[str] = ..., exception_type: _Optional[str] = ..., message: _Optional[str] = ..., traceback: _Optional[str] = ..., detail: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ("consumer",)
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    consumer: str
    def __init__(self, consumer: _Optional[str] = ...) -> None: ...

class End(_message.Message):
    __slots__ = ("value", "failure", "exhausted")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    EXHAUSTED_FIELD_NUMBER: _ClassVar[int]
    value: Payload
    failure: Failure
    exhausted: bool
    def __init__(self, value: _Optional[_Union[Payload, _Mapping]] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., exhausted: _Optional[bool] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ("call", "epoch", "position", "started", "chunks", "end", "decreed", "attempt", "lengths", "kept")
    CALL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    DECREED_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LENGTHS_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    call: bytes
    epoch: int
    position: int
    started: Started
    chunks: _containers.RepeatedCompositeFieldContainer[Payload]
    end: End
    decreed: bool
    attempt: int
    lengths: _containers.RepeatedScalarFieldContainer[int]
    kept: bool
    def __init__(self, call: _Optional[bytes] = ..., epoch: _Optional[int] = ..., position: _Optional[int] = ..., started: _Optional[_Union[Started, _Mapping]] = ..., chunks: _Optional[_Iterable[_Union[Payload, _Mapping]]] = ..., end: _Optional[_Union[End, _Mapping]] = ..., decreed: _Optional[bool] = ..., attempt: _Optional[int] = ..., lengths: _Optional[_Iterable[int]] = ..., kept: _Optional[bool] = ...) -> None: ...
