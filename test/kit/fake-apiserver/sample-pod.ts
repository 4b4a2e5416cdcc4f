import type { KubeObject, ManagedFields } from './object.ts';

/** What differs between pods of one template: texts of a fixed length, so that bytes can be copied and written over. */
export interface Values {
  readonly index: string;
  readonly namespace: string;
  readonly uid: string;
  readonly podIp: string;
  readonly node: string;
  readonly version: string;
  readonly round: string;
}

/** Letters that appear in no pod, as long as what takes their place. */
export const marks: Values = {
  index: '~~~~~~~',
  namespace: '^^^^',
  uid: '``````````````````````````````/`````',
  podIp: '||||||||||||||',
  node: '@@@@',
  version: '%%%%%%%%',
  round: '!!!!!!!',
};
const AT = '2026-01-05T12:00:00Z';

/** Owned fields as three usual managers leave them. */
function managedFields(): readonly ManagedFields[] {
  const nothing = {};
  const fields = (...names: readonly string[]): Record<string, object> =>
    Object.fromEntries(names.map((name) => [`f:${name}`, nothing]));
  const entry = (manager: string, fieldsV1: object, subresource?: string): ManagedFields =>
    ({
      manager,
      operation: 'Update',
      apiVersion: 'v1',
      time: AT,
      fieldsType: 'FieldsV1',
      fieldsV1,
      ...(subresource === undefined ? {} : { subresource }),
    }) as ManagedFields;
  const condition = (type: string): [string, object] => [
    `k:{"type":"${type}"}`,
    { '.': nothing, ...fields('lastProbeTime', 'lastTransitionTime', 'status', 'type') },
  ];
  const container = {
    '.': nothing,
    ...fields('image', 'imagePullPolicy', 'name', 'terminationMessagePath', 'terminationMessagePolicy'),
    'f:env': {
      '.': nothing,
      'k:{"name":"REGION"}': { '.': nothing, ...fields('name', 'value') },
    },
    'f:ports': {
      '.': nothing,
      'k:{"containerPort":8080,"protocol":"TCP"}': { '.': nothing, ...fields('containerPort', 'name', 'protocol') },
    },
    'f:resources': { '.': nothing, 'f:limits': fields('cpu', 'memory'), 'f:requests': fields('cpu', 'memory') },
    'f:readinessProbe': {
      '.': nothing,
      ...fields('failureThreshold', 'periodSeconds', 'successThreshold', 'timeoutSeconds'),
      'f:httpGet': { '.': nothing, ...fields('path', 'port', 'scheme') },
    },
  };
  return [
    entry('kube-controller-manager', {
      'f:metadata': {
        'f:generateName': nothing,
        'f:annotations': { '.': nothing, ...fields('prometheus.io/scrape') },
        'f:labels': { '.': nothing, ...fields('app', 'pod-template-hash', 'tier') },
        'f:ownerReferences': { '.': nothing, 'k:{"uid":"4e1f7b1e-3c57-4c8a-9d55-8f3f27c1b2aa"}': nothing },
      },
      'f:spec': {
        'f:containers': { 'k:{"name":"app"}': container },
        ...fields(
          'dnsPolicy',
          'enableServiceLinks',
          'restartPolicy',
          'schedulerName',
          'securityContext',
          'serviceAccount',
          'serviceAccountName',
          'terminationGracePeriodSeconds',
        ),
      },
    }),
    entry(
      'calico',
      {
        'f:metadata': {
          'f:annotations': fields(
            'cni.projectcalico.org/containerID',
            'cni.projectcalico.org/podIP',
            'cni.projectcalico.org/podIPs',
          ),
        },
      },
      'status',
    ),
    entry(
      'kubelet',
      {
        'f:status': {
          'f:conditions': Object.fromEntries(
            ['ContainersReady', 'Initialized', 'PodReadyToStartContainers', 'Ready'].map(condition),
          ),
          ...fields('containerStatuses', 'hostIP', 'hostIPs', 'phase', 'podIP', 'startTime'),
          'f:podIPs': { '.': nothing, [`k:{"ip":"${marks.podIp}"}`]: { '.': nothing, ...fields('ip') } },
        },
      },
      'status',
    ),
  ];
}

/** A running pod of a Deployment, as a cluster with Calico shows it: about 5.9 KB as JSON. Marks stand where pods differ. */
export function samplePod(app: number): KubeObject {
  const name = `app-${String(app).padStart(4, '0')}`;
  const hash = `7d9f8c${String(app % 10_000).padStart(4, '0')}`;
  const hostIp = '192.168.100.10';
  const condition = (type: string): object => ({ type, status: 'True', lastProbeTime: null, lastTransitionTime: AT });
  const status = (container: string): object => ({
    name: container,
    state: { running: { startedAt: AT } },
    lastState: {},
    ready: true,
    restartCount: 0,
    image: `registry.example.org/${container}:1.27.3`,
    imageID: `registry.example.org/${container}@sha256:2f1d0f5c3a4b5e6978c1d2e3f405162738495a6b7c8d9e0f1a2b3c4d5e6f7081`,
    containerID: 'containerd://9a1f3c5e7b9d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c1e3b5d7f9a1c3e5b7d9f1a',
    started: true,
  });
  const mounts = [
    { name: 'kube-api-access', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
  ];
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      name: `${name}-${hash}-${marks.index}`,
      generateName: `${name}-${hash}-`,
      namespace: `shop-${marks.namespace}`,
      uid: marks.uid,
      resourceVersion: marks.version,
      generation: 1,
      creationTimestamp: AT,
      labels: {
        app: name,

        'pod-template-hash': hash,
        tier: ['web', 'cache', 'db'][app % 3] ?? 'web',
      },
      annotations: {
        'cni.projectcalico.org/containerID': '3c5e7b9d2f4a6c8e0b1d3f5a7c9e1b3d5f7a9c1e3b5d7f9a1c3e5b7d9f1a9a1f',
        'cni.projectcalico.org/podIP': `${marks.podIp}/32`,
        'cni.projectcalico.org/podIPs': `${marks.podIp}/32`,
        'example.org/round': marks.round,
        'prometheus.io/scrape': 'true',
      },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `${name}-${hash}`,
          uid: '4e1f7b1e-3c57-4c8a-9d55-8f3f27c1b2aa',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      managedFields: managedFields(),
    },
    spec: {
      volumes: [
        {
          name: 'kube-api-access',
          projected: {
            sources: [
              { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
              { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
              {
                downwardAPI: {
                  items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
                },
              },
            ],
            defaultMode: 420,
          },
        },
      ],
      containers: [
        {
          name: 'app',
          image: 'registry.example.org/app:1.27.3',
          ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
          env: [{ name: 'REGION', value: 'eu-central' }],
          resources: { limits: { cpu: '500m', memory: '512Mi' }, requests: { cpu: '100m', memory: '256Mi' } },
          volumeMounts: mounts,
          readinessProbe: {
            httpGet: { path: '/ready', port: 8080, scheme: 'HTTP' },
            timeoutSeconds: 1,
            periodSeconds: 10,
            successThreshold: 1,
            failureThreshold: 3,
          },
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          imagePullPolicy: 'IfNotPresent',
        },
      ],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'default',
      serviceAccount: 'default',
      nodeName: `node-${marks.node}`,
      securityContext: {},
      schedulerName: 'default-scheduler',
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
        { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
      priority: 0,
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
    },
    status: {
      phase: 'Running',
      conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(
        condition,
      ),
      hostIP: hostIp,
      hostIPs: [{ ip: hostIp }],
      podIP: marks.podIp,
      podIPs: [{ ip: marks.podIp }],
      startTime: AT,
      containerStatuses: [status('app')],
      qosClass: 'Burstable',
    },
  };
}
