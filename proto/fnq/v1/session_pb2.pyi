from fnq.v1 import record_pb2 as _record_pb2
from fnq.v1 import result_pb2 as _result_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Resumption(_message.Message):
    __slots__ = ("call", "inbox", "position", "epoch", "consumer", "credit", "repeatable", "fingerprint", "divergent")
    CALL_FIELD_NUMBER: _ClassVar[int]
    INBOX_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    REPEATABLE_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    DIVERGENT_FIELD_NUMBER: _ClassVar[int]
    call: bytes
    inbox: str
    position: int
    epoch: int
    consumer: str
    credit: _record_pb2.Credit
    repeatable: bool
    fingerprint: int
    divergent: bool
    def __init__(self, call: _Optional[bytes] = ..., inbox: _Optional[str] = ..., position: _Optional[int] = ..., epoch: _Optional[int] = ..., consumer: _Optional[str] = ..., credit: _Optional[_Union[_record_pb2.Credit, _Mapping]] = ..., repeatable: _Optional[bool] = ..., fingerprint: _Optional[int] = ..., divergent: _Optional[bool] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol", "client", "namespace", "session", "secret", "agent")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    CLIENT_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    client: str
    namespace: str
    session: int
    secret: bytes
    agent: bool
    def __init__(self, protocol: _Optional[int] = ..., client: _Optional[str] = ..., namespace: _Optional[str] = ..., session: _Optional[int] = ..., secret: _Optional[bytes] = ..., agent: _Optional[bool] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("protocol", "inbox", "session", "secret", "now_ms", "mark", "spool", "nonce")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    INBOX_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SECRET_FIELD_NUMBER: _ClassVar[int]
    NOW_MS_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    SPOOL_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    inbox: str
    session: int
    secret: bytes
    now_ms: int
    mark: int
    spool: str
    nonce: bytes
    def __init__(self, protocol: _Optional[int] = ..., inbox: _Optional[str] = ..., session: _Optional[int] = ..., secret: _Optional[bytes] = ..., now_ms: _Optional[int] = ..., mark: _Optional[int] = ..., spool: _Optional[str] = ..., nonce: _Optional[bytes] = ...) -> None: ...

class Submission(_message.Message):
    __slots__ = ("seq", "call", "version", "payload", "depth", "parent", "parent_epoch", "remaining_ms", "rows", "detached", "root", "tags", "repeatable", "set", "timeout_ms", "packed", "divergent", "key", "digest")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SEQ_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PARENT_EPOCH_FIELD_NUMBER: _ClassVar[int]
    REMAINING_MS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DETACHED_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    REPEATABLE_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    PACKED_FIELD_NUMBER: _ClassVar[int]
    DIVERGENT_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    seq: int
    call: bytes
    version: str
    payload: _result_pb2.Payload
    depth: int
    parent: bytes
    parent_epoch: int
    remaining_ms: int
    rows: int
    detached: bool
    root: bytes
    tags: _containers.ScalarMap[str, str]
    repeatable: bool
    set: int
    timeout_ms: int
    packed: bool
    divergent: bool
    key: str
    digest: bytes
    def __init__(self, seq: _Optional[int] = ..., call: _Optional[bytes] = ..., version: _Optional[str] = ..., payload: _Optional[_Union[_result_pb2.Payload, _Mapping]] = ..., depth: _Optional[int] = ..., parent: _Optional[bytes] = ..., parent_epoch: _Optional[int] = ..., remaining_ms: _Optional[int] = ..., rows: _Optional[int] = ..., detached: _Optional[bool] = ..., root: _Optional[bytes] = ..., tags: _Optional[_Mapping[str, str]] = ..., repeatable: _Optional[bool] = ..., set: _Optional[int] = ..., timeout_ms: _Optional[int] = ..., packed: _Optional[bool] = ..., divergent: _Optional[bool] = ..., key: _Optional[str] = ..., digest: _Optional[bytes] = ...) -> None: ...

class Watch(_message.Message):
    __slots__ = ("id", "call", "after", "credit", "end_only")
    ID_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    END_ONLY_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    call: bytes
    after: int
    credit: int
    end_only: bool
    def __init__(self, id: _Optional[bytes] = ..., call: _Optional[bytes] = ..., after: _Optional[int] = ..., credit: _Optional[int] = ..., end_only: _Optional[bool] = ...) -> None: ...

class Acknowledgement(_message.Message):
    __slots__ = ("call", "position")
    CALL_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    call: bytes
    position: int
    def __init__(self, call: _Optional[bytes] = ..., position: _Optional[int] = ...) -> None: ...

class Part(_message.Message):
    __slots__ = ("blob", "data")
    BLOB_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    blob: int
    data: bytes
    def __init__(self, blob: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class ClientFrame(_message.Message):
    __slots__ = ("hello", "submissions", "ended", "acknowledgements", "credits", "cancellations", "resumptions", "parts", "resumed", "spools", "watches", "bye")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    SUBMISSIONS_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGEMENTS_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    CANCELLATIONS_FIELD_NUMBER: _ClassVar[int]
    RESUMPTIONS_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    SPOOLS_FIELD_NUMBER: _ClassVar[int]
    WATCHES_FIELD_NUMBER: _ClassVar[int]
    BYE_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    submissions: _containers.RepeatedCompositeFieldContainer[Submission]
    ended: bytes
    acknowledgements: _containers.RepeatedCompositeFieldContainer[Acknowledgement]
    credits: _containers.RepeatedCompositeFieldContainer[_record_pb2.Credit]
    cancellations: _containers.RepeatedCompositeFieldContainer[_record_pb2.Cancellation]
    resumptions: _containers.RepeatedCompositeFieldContainer[Resumption]
    parts: _containers.RepeatedCompositeFieldContainer[Part]
    resumed: bool
    spools: bool
    watches: _containers.RepeatedCompositeFieldContainer[Watch]
    bye: bool
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., submissions: _Optional[_Iterable[_Union[Submission, _Mapping]]] = ..., ended: _Optional[bytes] = ..., acknowledgements: _Optional[_Iterable[_Union[Acknowledgement, _Mapping]]] = ..., credits: _Optional[_Iterable[_Union[_record_pb2.Credit, _Mapping]]] = ..., cancellations: _Optional[_Iterable[_Union[_record_pb2.Cancellation, _Mapping]]] = ..., resumptions: _Optional[_Iterable[_Union[Resumption, _Mapping]]] = ..., parts: _Optional[_Iterable[_Union[Part, _Mapping]]] = ..., resumed: _Optional[bool] = ..., spools: _Optional[bool] = ..., watches: _Optional[_Iterable[_Union[Watch, _Mapping]]] = ..., bye: _Optional[bool] = ...) -> None: ...

class ServerFrame(_message.Message):
    __slots__ = ("welcome", "mark", "results", "parts", "goaway")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    GOAWAY_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    mark: int
    results: _containers.RepeatedScalarFieldContainer[bytes]
    parts: _containers.RepeatedCompositeFieldContainer[Part]
    goaway: bool
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., mark: _Optional[int] = ..., results: _Optional[_Iterable[bytes]] = ..., parts: _Optional[_Iterable[_Union[Part, _Mapping]]] = ..., goaway: _Optional[bool] = ...) -> None: ...
