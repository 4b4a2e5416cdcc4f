import protobuf from 'protobufjs';

/**
 * Pods and what they come in, as far as tests write them: field numbers are copied from k8s.io/api/core/v1/generated.proto,
 * k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto and k8s.io/apimachinery/pkg/runtime/generated.proto.
 */
const PROTO = `
syntax = "proto2";
message Unknown { optional TypeMeta typeMeta = 1; optional bytes raw = 2; optional string contentEncoding = 3; optional string contentType = 4; }
message TypeMeta { optional string apiVersion = 1; optional string kind = 2; }
message RawExtension { optional bytes raw = 1; }
message WatchEvent { optional string type = 1; optional RawExtension object = 2; }
message Status { optional ListMeta metadata = 1; optional string status = 2; optional string message = 3; optional string reason = 4; optional int32 code = 6; }
message ListMeta { optional string selfLink = 1; optional string resourceVersion = 2; optional string continue = 3; optional int64 remainingItemCount = 4; }
message PodList { optional ListMeta metadata = 1; repeated Pod items = 2; }
message Pod { optional ObjectMeta metadata = 1; optional PodSpec spec = 2; optional PodStatus status = 3; }
message Time { optional int64 seconds = 1; optional int32 nanos = 2; }
message ManagedFieldsEntry { optional string manager = 1; optional string operation = 2; optional string apiVersion = 3; optional bytes fieldsV1 = 7; }
message OwnerReference { optional string kind = 1; optional string name = 3; optional string uid = 4; optional string apiVersion = 5; optional bool controller = 6; }
message ObjectMeta {
  optional string name = 1; optional string generateName = 2; optional string namespace = 3; optional string uid = 5;
  optional string resourceVersion = 6; optional int64 generation = 7; optional Time creationTimestamp = 8; optional Time deletionTimestamp = 9;
  map<string, string> labels = 11; map<string, string> annotations = 12; repeated OwnerReference ownerReferences = 13;
  repeated string finalizers = 14; repeated ManagedFieldsEntry managedFields = 17;
}
message ContainerPort { optional string name = 1; optional int32 hostPort = 2; optional int32 containerPort = 3; optional string protocol = 4; }
message Container { optional string name = 1; optional string image = 2; repeated string command = 3; repeated ContainerPort ports = 6; }
message PodSpec {
  repeated Container containers = 2; optional string restartPolicy = 3; map<string, string> nodeSelector = 7; optional string serviceAccountName = 8;
  optional string nodeName = 10; optional bool hostNetwork = 11; repeated Container initContainers = 20;
  repeated PodReadinessGate readinessGates = 28;
}
message PodReadinessGate { optional string conditionType = 1; }
message PodCondition { optional string type = 1; optional string status = 2; optional Time lastTransitionTime = 4; optional string reason = 5; optional string message = 6; }
message PodIP { optional string ip = 1; }
message PodStatus {
  optional string phase = 1; repeated PodCondition conditions = 2; optional string message = 3; optional string hostIP = 5; optional string podIP = 6;
  repeated PodIP podIPs = 12; repeated PodIP hostIPs = 16;
}
`;

const root = protobuf.parse(PROTO, { keepCase: true }).root;

/** A message by its name in the text above. */
export function encode(name: string, value: object): Buffer {
  const type = root.lookupType(name);
  return Buffer.from(type.encode(type.fromObject(value)).finish());
}

/** An object as API servers wrap it. */
export function wrapped(kind: string, value: object): Buffer {
  const raw = encode(kind, value);
  const unknown = encode('Unknown', { typeMeta: { apiVersion: 'v1', kind }, raw });
  return Buffer.concat([Buffer.from([0x6b, 0x38, 0x73, 0x00]), unknown]);
}

/** An event of a watch with its length in front. */
export function framed(type: string, kind: string, value: object): Buffer {
  const event = encode('WatchEvent', { type, object: { raw: wrapped(kind, value) } });
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}
