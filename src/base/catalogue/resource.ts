import type { Codes } from './entry.ts';

/** Codes of API objects: what their text can have wrong before anything is known of the world around them. */
export const resourceCodes = {
  READER_FAILED: {
    blame: 'bug',
    what: 'Sallyport has a mistake that an object brings out: reading it failed.',
    now: 'Only this object is harmed: a policy denies what it selects, as if nothing of it could be read; an endpoint goes; everything else stays as it was read last, and counts as absent if it never was.',
    fix: 'Please report it with the printed text and, if you may, the object.',
  },
  OBJECT_INVALID: {
    blame: 'input',
    what: 'A document is no API object: it is not a map, or it has no `apiVersion` or `kind`.',
    now: 'The document is left out.',
    fix: 'Write `apiVersion`, `kind` and `metadata` at its top, or take the document out of the folder.',
  },
  KIND_UNKNOWN: {
    blame: 'input',
    what: 'An API group that Sallyport reads has no such kind; mostly a misspelling.',
    now: 'The object is left out.',
    fix: 'Use the kind that the message suggests.',
  },
  VERSION_UNKNOWN: {
    blame: 'input',
    what: 'The kind is one that Sallyport reads, but not in this version of its API.',
    now: 'The object is left out.',
    fix: 'Write the `apiVersion` that the message names; `kubectl convert` or the API server can give it.',
  },
  NAME_INVALID: {
    blame: 'input',
    what: 'An object has no name, or a name or namespace that Kubernetes would refuse.',
    now: 'The object is left out, because nothing can refer to it.',
    fix: 'Use lower-case letters, digits, `-` and, in names, `.`; begin and end with a letter or digit.',
  },
  NAME_SHAPE: {
    blame: 'input',
    what: 'A name is one that the API server of this kind would refuse, though it can be used.',
    now: 'The object is read.',
    fix: 'Rename it as the message says before it goes into a cluster.',
  },
  NAMESPACE_ASSUMED: {
    blame: 'input',
    what: 'An object of a namespaced kind names no namespace, or one of a cluster-wide kind names one.',
    now: 'It is read as of namespace `default`, or without namespace, as `kubectl` does.',
    fix: 'Write or remove `metadata.namespace`.',
  },
  LABELS_INVALID: {
    blame: 'input',
    what: 'Labels or annotations are no map from text to text (numbers, `true` and `false` need quotes in YAML), or a key or a value is one that Kubernetes would refuse.',
    now: 'Where a label is no text, a pod or host endpoint is left out, so its address counts as unknown, and any other object keeps the labels that can be read. An annotation that is no text does not count. A key or value that is a text counts as written.',
    fix: 'Put the value in quotes, or write what the message says.',
  },
  FIELD_UNKNOWN: {
    blame: 'input',
    what: 'An object has a field that does not exist.',
    now: 'In kinds of Kubernetes, Calico and metal-stack it is ignored, as their own API does, and a warning tells it. In ours, in a rule: that rule is unreadable (one that allows is left out, one that denies denies everything). Elsewhere in a policy: all its rules are. A BorderFirewall with one gets no plan, an AddressGroup keeps its members, a SourceNAT drops what it would translate.',
    fix: 'Use the field that the message suggests, or remove it.',
  },
  FIELD_MISSING: {
    blame: 'input',
    what: 'A required field is not there.',
    now: 'The part of the object that needs it counts as unreadable, and the safe side is taken; the message says which.',
    fix: 'Write the field.',
  },
  FIELD_INVALID: {
    blame: 'input',
    what: 'A field holds a value of the wrong type, a word that is not one of the choices, or a number beyond its limits.',
    now: 'The part of the object around it counts as unreadable, and the safe side is taken; the message says which.',
    fix: 'Write the value as the message shows.',
  },
  FIELD_CONFLICT: {
    blame: 'input',
    what: 'Fields that are right each by itself contradict each other, or one needs another that is not there.',
    now: 'The rule, or the object where it is no rule, counts as unreadable, and the safe side is taken; the message says which.',
    fix: 'Change one of the fields as the message says.',
  },
  FIELD_NOT_YET: {
    blame: 'input',
    what: 'A field is reserved for a later version.',
    now: 'The object counts as unreadable, because its author means something that would not happen.',
    fix: 'Remove the field.',
  },
  PORT_INVALID: {
    blame: 'input',
    what: 'A text or number is no port, range of ports or port name.',
    now: 'The rule counts as unreadable: one that allows is left out, one that denies denies everything. A named port of a pod is left out by itself.',
    fix: 'Write `443`, `"8000:8080"` or, where names are possible, the name of a container port.',
  },
  PEER_UNSUPPORTED: {
    blame: 'input',
    what: 'A rule of a ClusterNetworkPolicy or of its older kinds names a peer by `nodes` or `domainNames`, which Calico does not enforce either.',
    now: 'A rule that accepts is left out; one that denies or passes denies everything in its place, as in Calico.',
    fix: 'Write the addresses as `networks`, or the domain names as a network set of Calico or in a ClusterBorderPolicy.',
  },
  DOMAIN_INVALID: {
    blame: 'input',
    what: 'A text is no domain name or wildcard.',
    now: 'In a rule: the rule counts as unreadable. In a network set: the name is left out.',
    fix: 'Write a name like `api.example.com`, or one `*` as a whole label that is not the last: `*.example.com`.',
  },
  TIER_FIXED: {
    blame: 'input',
    what: 'A built-in tier has an order or default action other than its own.',
    now: 'The built-in order and default action are used.',
    fix: 'Remove the fields, or use a tier of your own.',
  },
  FELIX_NOT_YET: {
    blame: 'input',
    what: 'FelixConfiguration makes the cluster do something that this version of Sallyport does not follow.',
    now: 'It is left out of account: the cluster is taken to be without that setting.',
    fix: 'Keep the difference in mind that the message names, or do without the setting.',
  },
  STORAGE_METADATA: {
    blame: 'input',
    what: "The annotation in which Calico's storage form keeps an object's real name and labels cannot be read, or contradicts the object.",
    now: 'Name and labels of the stored object itself are used.',
    fix: 'Export the object through the projectcalico.org/v3 API or with `calicoctl get -o yaml`.',
  },
} as const satisfies Codes;
