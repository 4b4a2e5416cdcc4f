interface Link {
  readonly before: Link | undefined;
}

let chain: Link | undefined;
for (;;) chain = { before: chain };
