from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LimitPolicy(_message.Message):
    __slots__ = ("max_concurrency", "rate", "per_s", "burst")
    MAX_CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    PER_S_FIELD_NUMBER: _ClassVar[int]
    BURST_FIELD_NUMBER: _ClassVar[int]
    max_concurrency: int
    rate: float
    per_s: int
    burst: int
    def __init__(self, max_concurrency: _Optional[int] = ..., rate: _Optional[float] = ..., per_s: _Optional[int] = ..., burst: _Optional[int] = ...) -> None: ...

class SetLimitRequest(_message.Message):
    __slots__ = ("namespace", "limit", "policy")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    limit: str
    policy: LimitPolicy
    def __init__(self, namespace: _Optional[str] = ..., limit: _Optional[str] = ..., policy: _Optional[_Union[LimitPolicy, _Mapping]] = ...) -> None: ...

class SetLimitReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListLimitsRequest(_message.Message):
    __slots__ = ("namespace", "limit")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    limit: str
    def __init__(self, namespace: _Optional[str] = ..., limit: _Optional[str] = ...) -> None: ...

class LimitState(_message.Message):
    __slots__ = ("limit", "policy", "held", "waiting", "calls")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    limit: str
    policy: LimitPolicy
    held: int
    waiting: int
    calls: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, limit: _Optional[str] = ..., policy: _Optional[_Union[LimitPolicy, _Mapping]] = ..., held: _Optional[int] = ..., waiting: _Optional[int] = ..., calls: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ListLimitsReply(_message.Message):
    __slots__ = ("limits",)
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    limits: _containers.RepeatedCompositeFieldContainer[LimitState]
    def __init__(self, limits: _Optional[_Iterable[_Union[LimitState, _Mapping]]] = ...) -> None: ...

class DeleteLimitRequest(_message.Message):
    __slots__ = ("namespace", "limit")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    limit: str
    def __init__(self, namespace: _Optional[str] = ..., limit: _Optional[str] = ...) -> None: ...

class DeleteLimitReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
