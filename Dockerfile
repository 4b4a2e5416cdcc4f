# The image of the controller and the command. Not root, nothing to write to but what is mounted.
# Name the base by its digest where you build for others: --build-arg BASE=node@sha256:…
ARG BASE=node:20.20.2-bookworm-slim

FROM ${BASE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
COPY tsconfig.json tsconfig.types.json ./
COPY scripts scripts
COPY lab lab
COPY simulators simulators
COPY src src
RUN ["npm", "run", "build"]

FROM ${BASE}
# nft, conntrack and tcpdump for firewalls of this machine, ssh for those of others.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends nftables conntrack tcpdump openssh-client \
  && rm -rf /var/lib/apt/lists/* /usr/local/lib/node_modules \
  && useradd --uid 65532 --user-group --create-home --shell /usr/sbin/nologin sallyport
COPY --from=build /build/dist /usr/lib/sallyport/dist
COPY package.json LICENSE CHANGELOG.md /usr/lib/sallyport/
ENV NODE_ENV=production
USER 65532:65532
WORKDIR /home/sallyport
ENTRYPOINT ["node", "/usr/lib/sallyport/dist/sallyport.js"]
CMD ["--help"]
