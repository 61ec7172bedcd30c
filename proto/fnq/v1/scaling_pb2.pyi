from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SetScalingRequest(_message.Message):
    __slots__ = ("namespace", "function", "min_replicas", "max_replicas", "reset")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    MIN_REPLICAS_FIELD_NUMBER: _ClassVar[int]
    MAX_REPLICAS_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    function: str
    min_replicas: int
    max_replicas: int
    reset: bool
    def __init__(self, namespace: _Optional[str] = ..., function: _Optional[str] = ..., min_replicas: _Optional[int] = ..., max_replicas: _Optional[int] = ..., reset: _Optional[bool] = ...) -> None: ...

class ShowScalingRequest(_message.Message):
    __slots__ = ("namespace", "function")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    function: str
    def __init__(self, namespace: _Optional[str] = ..., function: _Optional[str] = ...) -> None: ...

class Replicas(_message.Message):
    __slots__ = ("wanted", "ready", "starting", "cordoned")
    WANTED_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    STARTING_FIELD_NUMBER: _ClassVar[int]
    CORDONED_FIELD_NUMBER: _ClassVar[int]
    wanted: int
    ready: int
    starting: int
    cordoned: int
    def __init__(self, wanted: _Optional[int] = ..., ready: _Optional[int] = ..., starting: _Optional[int] = ..., cordoned: _Optional[int] = ...) -> None: ...

class ScalingState(_message.Message):
    __slots__ = ("min_replicas", "max_replicas", "min_is_set", "max_is_set", "replicas")
    MIN_REPLICAS_FIELD_NUMBER: _ClassVar[int]
    MAX_REPLICAS_FIELD_NUMBER: _ClassVar[int]
    MIN_IS_SET_FIELD_NUMBER: _ClassVar[int]
    MAX_IS_SET_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    min_replicas: int
    max_replicas: int
    min_is_set: bool
    max_is_set: bool
    replicas: Replicas
    def __init__(self, min_replicas: _Optional[int] = ..., max_replicas: _Optional[int] = ..., min_is_set: _Optional[bool] = ..., max_is_set: _Optional[bool] = ..., replicas: _Optional[_Union[Replicas, _Mapping]] = ...) -> None: ...
