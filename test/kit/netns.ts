// The same namespaces as the lab's: tests make their hosts with it.
export { type End, Namespace, Namespaces, type Result } from '../../lab/namespaces.ts';
