from fnq.v1 import record_pb2 as _record_pb2
from fnq.v1 import result_pb2 as _result_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Running(_message.Message):
    __slots__ = ("stream", "entry", "call", "epoch", "deaths", "inbox", "depth", "ended", "streaming", "repeatable", "attempt", "failed", "rows", "detached", "keep_s")
    STREAM_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DEATHS_FIELD_NUMBER: _ClassVar[int]
    INBOX_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    STREAMING_FIELD_NUMBER: _ClassVar[int]
    REPEATABLE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DETACHED_FIELD_NUMBER: _ClassVar[int]
    KEEP_S_FIELD_NUMBER: _ClassVar[int]
    stream: str
    entry: str
    call: bytes
    epoch: int
    deaths: int
    inbox: str
    depth: int
    ended: bool
    streaming: bool
    repeatable: bool
    attempt: int
    failed: Failed
    rows: int
    detached: bool
    keep_s: int
    def __init__(self, stream: _Optional[str] = ..., entry: _Optional[str] = ..., call: _Optional[bytes] = ..., epoch: _Optional[int] = ..., deaths: _Optional[int] = ..., inbox: _Optional[str] = ..., depth: _Optional[int] = ..., ended: _Optional[bool] = ..., streaming: _Optional[bool] = ..., repeatable: _Optional[bool] = ..., attempt: _Optional[int] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ..., rows: _Optional[int] = ..., detached: _Optional[bool] = ..., keep_s: _Optional[int] = ...) -> None: ...

class Failed(_message.Message):
    __slots__ = ("failure", "wait_ms")
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    failure: _result_pb2.Failure
    wait_ms: int
    def __init__(self, failure: _Optional[_Union[_result_pb2.Failure, _Mapping]] = ..., wait_ms: _Optional[int] = ...) -> None: ...

class Announce(_message.Message):
    __slots__ = ("protocol", "agent", "namespace", "version", "replica", "running")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLICA_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    agent: str
    namespace: str
    version: str
    replica: int
    running: _containers.RepeatedCompositeFieldContainer[Running]
    def __init__(self, protocol: _Optional[int] = ..., agent: _Optional[str] = ..., namespace: _Optional[str] = ..., version: _Optional[str] = ..., replica: _Optional[int] = ..., running: _Optional[_Iterable[_Union[Running, _Mapping]]] = ...) -> None: ...

class Lent(_message.Message):
    __slots__ = ("depth", "count")
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    depth: int
    count: int
    def __init__(self, depth: _Optional[int] = ..., count: _Optional[int] = ...) -> None: ...

class Slots(_message.Message):
    __slots__ = ("seen", "free", "lent")
    SEEN_FIELD_NUMBER: _ClassVar[int]
    FREE_FIELD_NUMBER: _ClassVar[int]
    LENT_FIELD_NUMBER: _ClassVar[int]
    seen: int
    free: int
    lent: _containers.RepeatedCompositeFieldContainer[Lent]
    def __init__(self, seen: _Optional[int] = ..., free: _Optional[int] = ..., lent: _Optional[_Iterable[_Union[Lent, _Mapping]]] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("call", "epoch", "ended", "lost", "returned", "streaming", "failed", "rows")
    CALL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    RETURNED_FIELD_NUMBER: _ClassVar[int]
    STREAMING_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    call: bytes
    epoch: int
    ended: bool
    lost: _result_pb2.Failure
    returned: bool
    streaming: bool
    failed: Failed
    rows: int
    def __init__(self, call: _Optional[bytes] = ..., epoch: _Optional[int] = ..., ended: _Optional[bool] = ..., lost: _Optional[_Union[_result_pb2.Failure, _Mapping]] = ..., returned: _Optional[bool] = ..., streaming: _Optional[bool] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ..., rows: _Optional[int] = ...) -> None: ...

class AgentFrame(_message.Message):
    __slots__ = ("announce", "slots", "reports")
    ANNOUNCE_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    announce: Announce
    slots: Slots
    reports: _containers.RepeatedCompositeFieldContainer[Report]
    def __init__(self, announce: _Optional[_Union[Announce, _Mapping]] = ..., slots: _Optional[_Union[Slots, _Mapping]] = ..., reports: _Optional[_Iterable[_Union[Report, _Mapping]]] = ...) -> None: ...

class Attached(_message.Message):
    __slots__ = ("protocol", "consumer")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    consumer: str
    def __init__(self, protocol: _Optional[int] = ..., consumer: _Optional[str] = ...) -> None: ...

class Dispatch(_message.Message):
    __slots__ = ("stream", "entry", "epoch", "deaths", "call", "attempt", "remaining_ms", "first_row", "row_count", "batch", "batch_size")
    STREAM_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DEATHS_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    REMAINING_MS_FIELD_NUMBER: _ClassVar[int]
    FIRST_ROW_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    stream: str
    entry: str
    epoch: int
    deaths: int
    call: _record_pb2.Entry
    attempt: int
    remaining_ms: int
    first_row: int
    row_count: int
    batch: int
    batch_size: int
    def __init__(self, stream: _Optional[str] = ..., entry: _Optional[str] = ..., epoch: _Optional[int] = ..., deaths: _Optional[int] = ..., call: _Optional[_Union[_record_pb2.Entry, _Mapping]] = ..., attempt: _Optional[int] = ..., remaining_ms: _Optional[int] = ..., first_row: _Optional[int] = ..., row_count: _Optional[int] = ..., batch: _Optional[int] = ..., batch_size: _Optional[int] = ...) -> None: ...

class ConsumerFrame(_message.Message):
    __slots__ = ("attached", "dispatches", "cancellations", "credits", "settled", "goaway")
    ATTACHED_FIELD_NUMBER: _ClassVar[int]
    DISPATCHES_FIELD_NUMBER: _ClassVar[int]
    CANCELLATIONS_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    GOAWAY_FIELD_NUMBER: _ClassVar[int]
    attached: Attached
    dispatches: _containers.RepeatedCompositeFieldContainer[Dispatch]
    cancellations: _containers.RepeatedCompositeFieldContainer[_record_pb2.Cancellation]
    credits: _containers.RepeatedCompositeFieldContainer[_record_pb2.Credit]
    settled: bytes
    goaway: bool
    def __init__(self, attached: _Optional[_Union[Attached, _Mapping]] = ..., dispatches: _Optional[_Iterable[_Union[Dispatch, _Mapping]]] = ..., cancellations: _Optional[_Iterable[_Union[_record_pb2.Cancellation, _Mapping]]] = ..., credits: _Optional[_Iterable[_Union[_record_pb2.Credit, _Mapping]]] = ..., settled: _Optional[bytes] = ..., goaway: _Optional[bool] = ...) -> None: ...
