import { setFlagsFromString } from 'node:v8';

/**
 * Imported for what it does, by whoever imports undici: has V8 compile WebAssembly once and plainly. The only such code here is undici's
 * parser of HTTP. V8 finds it worth optimizing after some requests, which takes a tenth of a second of CPU and 30 MB that stay in the
 * process; what the parser would gain by it is not to be measured.
 */
setFlagsFromString('--liftoff-only');
