/** A pod with both families, `shop/payments-1`, which the border sees. */
export const paymentsWorld = `apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Node
metadata: { name: node-1 }
status: { addresses: [{ type: InternalIP, address: 192.168.0.1 }] }
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: pods }
spec: { cidr: 10.244.0.0/16, natOutgoing: false }
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: { name: pods-six }
spec: { cidr: "fd00:10::/64", natOutgoing: false }
---
apiVersion: v1
kind: Pod
metadata: { name: payments-1, namespace: shop, labels: { app: payments } }
spec: { nodeName: node-1, containers: [] }
status: { phase: Running, podIP: 10.244.0.5, podIPs: [{ ip: 10.244.0.5 }, { ip: "fd00:10::5" }] }
---
apiVersion: sallyport.dev/v1alpha1
kind: ClusterBorderPolicy
metadata: { name: payments-to-bank }
spec:
  order: 100
  namespaceSelector: all()
  selector: app == 'payments'
  egress:
    - action: Allow
      protocol: TCP
      nets: [203.0.113.0/24]
      ports: [443]
    - action: Allow
      protocol: TCP
      nets: ["2001:db8:9::/48"]
      ports: [443]
`;
