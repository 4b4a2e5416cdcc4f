import type { Codes } from './entry.ts';

/** Codes of sources: where resources come from. */
export const sourceCodes = {
  MANIFEST_SYNTAX: {
    blame: 'input',
    what: 'A file of the manifests folder cannot be read as YAML or JSON.',
    now: 'The whole folder keeps its last complete reading; at start nothing is written until the file reads.',
    fix: 'Mend the file at the printed line, or move it out of the folder.',
  },
  MANIFEST_UNREADABLE: {
    blame: 'input',
    what: 'A file or folder of manifests cannot be opened.',
    now: 'The folder keeps its last complete reading; at start nothing is written until it opens.',
    fix: 'Check that the path exists and that the process may read it.',
  },
  MANIFEST_TOO_LARGE: {
    blame: 'input',
    what: 'A manifest file, or its aliases expanded, is larger than the limit, or its lists and maps stand too deep in each other.',
    now: 'The folder keeps its last complete reading; nothing of the file is used.',
    fix: 'Split the file; of depth no kind needs more than some twenty levels.',
  },
  MANIFEST_EMPTY: {
    blame: 'input',
    what: 'The manifests folder holds no object at all.',
    now: 'An empty folder is taken for a lost one: what was read last stays in force; at start nothing is written.',
    fix: 'Put the manifests back. To take everything away on purpose, use `sallyport uninstall FIREWALL`.',
  },
  MANIFEST_SHRUNK: {
    blame: 'input',
    what: 'More than half of the objects of a folder vanished in one reading.',
    now: 'The reading is not believed; what was read before stays in force.',
    fix: 'Put the files back, or, if it was meant, remove them in smaller parts or restart Sallyport.',
  },
  MANIFEST_LOST: {
    blame: 'input',
    what: 'An object is no longer in its file, and the file is empty or holds something that cannot be told to be any object.',
    now: 'Perhaps the file is half written: the reading is not believed; what was read before stays in force.',
    fix: 'Mend the file. If the object is to go, remove it and what cannot be read; an empty file has to be removed itself.',
  },
  MANIFEST_DUPLICATE: {
    blame: 'input',
    what: 'One object stands twice in the manifests.',
    now: 'The first, by file name and line, counts; the other is left out.',
    fix: 'Remove one of them.',
  },
  CLUSTER_KIND_LOST: {
    blame: 'transient',
    what: 'A kind of objects of the cluster cannot be listed and watched.',
    now: 'Everything read from the cluster stays as it was, and firewalls keep what they hold, but for the addresses of pods that are deleted; at start nothing is written. It is tried again.',
    fix: 'Mend what the message names: the network, the API server, or an API service behind it.',
  },
  CLUSTER_KIND_FORBIDDEN: {
    blame: 'rejected',
    what: 'The right to list and watch a kind of objects of the cluster is missing.',
    now: 'At start nothing is written; later everything stays as it was. It is tried again.',
    fix: 'Give `get`, `list` and `watch` on the kind that the message names.',
  },
  CLUSTER_KIND_GONE: {
    blame: 'input',
    what: 'The definition (CRD) of a kind was deleted, and all objects of the kind with it.',
    now: 'Objects that vanish with their definition are no wishes: everything read from the cluster stays as it was, and firewalls keep what they hold.',
    fix: 'Create the definition and its objects again. If they are meant to be gone, restart Sallyport: it then begins with what there is.',
  },
  CLUSTER_KIND_UNDEFINED: {
    blame: 'rejected',
    what: 'Objects of a kind were deleted, and the right to get the definition (CRD) of the kind is missing: nobody knows whether it was deleted with them.',
    now: 'Everything read from the cluster stays as it was, and firewalls keep what they hold. What is there now counts when it has stayed so for a minute, unless half of the objects are gone, more of them, or all.',
    fix: 'Give `get` on `customresourcedefinitions`, as the printed role does (`sallyport doctor` names what is missing).',
  },
  CLUSTER_KIND_SHRUNK: {
    blame: 'input',
    what: 'Half of the objects of a kind, more of them, or all, are gone from a list, and no deletion was told.',
    now: 'Perhaps the cluster was restored from a backup: the list is not believed, everything read from the cluster stays as it was, and firewalls keep what they hold. It counts as soon as all objects are there again, or when more than half of them are and it stays so for a minute.',
    fix: 'Restore the objects. If they are meant to be gone, restart Sallyport: it then begins with what there is.',
  },
} as const satisfies Codes;
