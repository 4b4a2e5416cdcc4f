// The same way into namespaces as the lab's.
export { namespaceWrapper, type NamespaceWrapper } from '../../lab/inside.ts';
