import type { Codes } from './entry.ts';

/** Codes of the configuration file, the controller and the command line. */
export const configurationCodes = {
  CONFIG_SYNTAX: {
    blame: 'input',
    what: 'The configuration file cannot be opened, or cannot be read as YAML.',
    now: 'Nothing starts; a running controller keeps its configuration.',
    fix: 'Mend the file at the printed line; where it cannot be opened, check its path and rights.',
  },
  CONFIG_UNKNOWN_KEY: {
    blame: 'input',
    what: 'The configuration has a key that Sallyport does not know.',
    now: 'Nothing starts: a misspelt key would otherwise be a setting that silently does not hold.',
    fix: 'Correct the key; the message names the nearest known one.',
  },
  CONFIG_VALUE: {
    blame: 'input',
    what: 'A value of the configuration is missing or is not what the key takes.',
    now: 'Nothing starts.',
    fix: 'Give the key the kind of value that the message names.',
  },
  CONFIG_SOURCE_UNUSED: {
    blame: 'input',
    what: 'The configuration file has a source that no controller uses.',
    now: 'It is not read; everything else works.',
    fix: 'Remove it, or name it as the `source` of a controller.',
  },
  CONFIG_SOURCE: {
    blame: 'input',
    what: 'A controller names a source that is not there, or one that it cannot use.',
    now: 'Nothing starts.',
    fix: 'Name one of the sources under `sources`, of a type that the controller can use.',
  },
  CONFIG_SECRET: {
    blame: 'input',
    what: 'A value that stands in a file or an environment variable cannot be read.',
    now: 'Nothing starts.',
    fix: 'Check the file path and its rights, or set the variable.',
  },
  CONFIG_SECRET_LITERAL: {
    blame: 'input',
    what: 'A secret stands in the configuration file itself.',
    now: 'It is used; one before the `@` of an address is not sent.',
    fix: 'Write `{file: PATH}` or `{env: NAME}`; a file is read again when it changes.',
  },
  CONFIG_PLACEHOLDER: {
    blame: 'input',
    what: 'A text of the configuration file holds `${NAME}`, which templates of such files do.',
    now: 'It is taken as it stands; nothing replaces it here.',
    fix: 'Have it replaced by whatever writes the file, or write `{env: NAME}`.',
  },
  CLUSTER_UNNAMED: {
    blame: 'input',
    what: 'The configuration has no `cluster`, and manifests tell none; or the cluster may not be asked for its name: objects on a device could not be marked as ours.',
    now: 'Nothing is written to any device.',
    fix: 'Set `cluster:` in the configuration file, or give `--cluster NAME`.',
  },
  CLUSTER_DIFFERS: {
    blame: 'input',
    what: 'A firewall is kept as one cluster, by its status, and this process has another `cluster`: it was changed, or a command was not told of it. What stands on the device would be taken for somebody else’s, and all be made a second time beside it.',
    now: 'The device is left alone, and keeps what it holds: nobody joins or leaves there.',
    fix: 'Give the name that the message says: as `cluster` in the configuration (and in the values of the chart), or by `--cluster`. To change it for good: stop the controllers, `sallyport uninstall FIREWALL --cluster OLD --yes`, and `kubectl patch borderfirewall FIREWALL --subresource status --type merge -p \'{"status":{"cluster":null}}\'`; until a controller has written anew, what our rules dropped passes.',
  },
  LISTEN_FAILED: {
    blame: 'rejected',
    what: 'An address of the configuration file, or of `--listen`, cannot be listened on.',
    now: 'At its start the process ends: a controller that nobody can probe would be restarted for ever. While a firewall machine runs and its configuration names another address, it serves where it did before, and tries again.',
    fix: 'Choose another address where the message says (`server` or `feeds` of the configuration file, or `--listen`), or stop what holds the port.',
  },
  TLS_FILES: {
    blame: 'rejected',
    what: 'A certificate, its key or an authority of the configuration file cannot be used: a file is missing, is not PEM, or key and certificate are not a pair.',
    now: 'The process ends if it just began; else it goes on with the files that it had, and tries again when somebody connects.',
    fix: 'Check the files that the message names: that they are there, may be read, hold PEM, and that the key belongs to the certificate.',
  },
  USAGE: {
    blame: 'input',
    what: 'The command line is wrong.',
    now: 'Nothing is done.',
    fix: 'See `sallyport COMMAND --help`.',
  },
  NOT_FOUND: {
    blame: 'input',
    what: 'A name given on the command line is not in the world that was read.',
    now: 'Nothing is done.',
    fix: 'Check the spelling; names are `namespace/name`, or `name` for cluster scope.',
  },
  PLAN_STALE: {
    blame: 'conflict',
    what: 'The device, or what is wanted of it, is no longer what the plan was made from.',
    now: 'Nothing is written.',
    fix: 'Make a new plan and look at it again.',
  },
  GUARD_STOPPED: {
    blame: 'rejected',
    what: 'The change takes traffic from, or gives traffic to, more workloads at once than `guard` allows without a yes, or comes in a quiet time or before the canary firewalls of `guard` have it.',
    now: 'Nothing is written.',
    fix: 'Look at it with `sallyport plan --out FILE`; if it is meant, say yes with `sallyport apply --plan FILE` or `sallyport approve`.',
  },
  WORLD_EMPTY: {
    blame: 'input',
    what: 'What was given as the world holds no object that Sallyport reads.',
    now: 'Everything that is said is said of an empty world.',
    fix: 'Check the path, or the context of the kubeconfig; in folders, files that end in `.yaml`, `.yml` or `.json` are read.',
  },
  WORLD_INCOMPLETE: {
    blame: 'input',
    what: 'A source has not delivered a complete state, so what the firewalls should hold is not known.',
    now: 'Nothing is planned or written from it.',
    fix: 'Mend what the printed diagnostics name.',
  },
} as const satisfies Codes;
