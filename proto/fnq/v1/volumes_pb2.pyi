from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListVolumesRequest(_message.Message):
    __slots__ = ("namespace",)
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    def __init__(self, namespace: _Optional[str] = ...) -> None: ...

class VolumeState(_message.Message):
    __slots__ = ("volume", "bytes", "files", "free", "functions", "folder")
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    FREE_FIELD_NUMBER: _ClassVar[int]
    FUNCTIONS_FIELD_NUMBER: _ClassVar[int]
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    volume: str
    bytes: int
    files: int
    free: int
    functions: _containers.RepeatedScalarFieldContainer[str]
    folder: str
    def __init__(self, volume: _Optional[str] = ..., bytes: _Optional[int] = ..., files: _Optional[int] = ..., free: _Optional[int] = ..., functions: _Optional[_Iterable[str]] = ..., folder: _Optional[str] = ...) -> None: ...

class ListVolumesReply(_message.Message):
    __slots__ = ("volumes",)
    VOLUMES_FIELD_NUMBER: _ClassVar[int]
    volumes: _containers.RepeatedCompositeFieldContainer[VolumeState]
    def __init__(self, volumes: _Optional[_Iterable[_Union[VolumeState, _Mapping]]] = ...) -> None: ...

class VolumeEntry(_message.Message):
    __slots__ = ("path", "kind", "bytes", "mode", "changed_ms", "target")
    PATH_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_MS_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    kind: str
    bytes: int
    mode: int
    changed_ms: int
    target: bytes
    def __init__(self, path: _Optional[bytes] = ..., kind: _Optional[str] = ..., bytes: _Optional[int] = ..., mode: _Optional[int] = ..., changed_ms: _Optional[int] = ..., target: _Optional[bytes] = ...) -> None: ...

class LookRequest(_message.Message):
    __slots__ = ("namespace", "volume", "path")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    volume: str
    path: bytes
    def __init__(self, namespace: _Optional[str] = ..., volume: _Optional[str] = ..., path: _Optional[bytes] = ...) -> None: ...

class LookReply(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[VolumeEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[VolumeEntry, _Mapping]]] = ...) -> None: ...

class PutPart(_message.Message):
    __slots__ = ("namespace", "volume", "entry", "data", "last")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    volume: str
    entry: VolumeEntry
    data: bytes
    last: bool
    def __init__(self, namespace: _Optional[str] = ..., volume: _Optional[str] = ..., entry: _Optional[_Union[VolumeEntry, _Mapping]] = ..., data: _Optional[bytes] = ..., last: _Optional[bool] = ...) -> None: ...

class PutReply(_message.Message):
    __slots__ = ("files", "bytes")
    FILES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    files: int
    bytes: int
    def __init__(self, files: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class GetRequest(_message.Message):
    __slots__ = ("namespace", "volume", "path")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    volume: str
    path: bytes
    def __init__(self, namespace: _Optional[str] = ..., volume: _Optional[str] = ..., path: _Optional[bytes] = ...) -> None: ...

class GetPart(_message.Message):
    __slots__ = ("entry", "data")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    entry: VolumeEntry
    data: bytes
    def __init__(self, entry: _Optional[_Union[VolumeEntry, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class RemoveRequest(_message.Message):
    __slots__ = ("namespace", "volume", "path", "recursive")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    volume: str
    path: bytes
    recursive: bool
    def __init__(self, namespace: _Optional[str] = ..., volume: _Optional[str] = ..., path: _Optional[bytes] = ..., recursive: _Optional[bool] = ...) -> None: ...

class RemoveReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DeleteVolumeRequest(_message.Message):
    __slots__ = ("namespace", "volume", "force")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    volume: str
    force: bool
    def __init__(self, namespace: _Optional[str] = ..., volume: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class DeleteVolumeReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
