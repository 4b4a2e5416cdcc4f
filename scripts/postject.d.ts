declare module 'postject' {
  /** Puts data under a name into a program file, in place, and flips the fuse that tells the program to look for it. */
  export function inject(
    file: string,
    name: string,
    data: Buffer,
    options: { readonly sentinelFuse: string },
  ): Promise<void>;
}
