// Listeners and the one rule that each has: its default action.
import { ServiceError } from "#lib/errors.ts";
import { newElbId } from "#lib/ids.ts";
import { listenerKey, type ListenerRow } from "#domain/elbv2/load-balancer.ts";
import type { Reader } from "#store/store.ts";
import { listeners, loadBalancers } from "#store/tables/elbv2.ts";
import { inRange, oneOf } from "../constraints.ts";
import type { Elbv2Dependencies, Elbv2Operations } from "../dependencies.ts";
import { notImplemented, ruleNotFound, validationError } from "../errors.ts";
import { readDefaultActions } from "../listener-action.ts";
import { listenerOf, loadBalancerOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { defaultRuleArn, showDefaultRule, showListener } from "../show.ts";
import { applyStructural, undoPut } from "../structural.ts";
import { readTags } from "../tags.ts";

/** Application Load Balancer quotas, "Listeners per Application Load Balancer". */
const MOST_LISTENERS = 50;

const tlsMembers = ["Certificates", "SslPolicy", "AlpnPolicy", "MutualAuthentication"] as const;

export function listenerOperations(deps: Elbv2Dependencies) {
  const { store } = deps;
  return {
    async CreateListener(input, { region, account }) {
      checkProtocol(input.Protocol ?? missing("protocol"));
      for (const member of tlsMembers) if (isGiven(input[member])) throw notImplemented(member);
      const port = inRange(input.Port ?? missing("port"), "port", 1, 65_535);
      const row = await applyStructural(deps, (tx) => {
        const loadBalancer = loadBalancerOf(tx, region, input.LoadBalancerArn);
        const defaultAction = readDefaultActions(tx, loadBalancer, input.DefaultActions);
        checkPort(tx, loadBalancer.arn, port);
        if (tx.find(listeners, "loadBalancer", loadBalancer.arn).length >= MOST_LISTENERS) {
          throw new ServiceError(
            "TooManyListeners",
            `The maximum number of listeners has been reached for the load balancer '${loadBalancer.arn}'`,
          );
        }
        const id = newElbId(deps.random);
        const made: ListenerRow = {
          arn: `arn:aws:elasticloadbalancing:${region}:${account}:listener/app/${loadBalancer.name}/${loadBalancer.id}/${id}`,
          id,
          region,
          loadBalancerArn: loadBalancer.arn,
          port,
          protocol: "HTTP",
          defaultAction,
          attributes: {},
          tags: readTags(input.Tags),
        };
        const key = listenerKey(region, loadBalancer.name, id);
        tx.put(listeners, key, made);
        return { result: made, vpcId: loadBalancer.vpcId, undo: undoPut(listeners, key, undefined, made) };
      });
      return { Listeners: [showListener(row)] };
    },

    DescribeListeners(input, { region }) {
      const { LoadBalancerArn: loadBalancerArn, ListenerArns: arns = [] } = input;
      if (loadBalancerArn !== undefined && arns.length > 0)
        throw validationError("Load balancer ARN and listener ARNs cannot be specified at the same time");
      if (loadBalancerArn === undefined && arns.length === 0)
        throw validationError("You must specify either listener ARNs or a load balancer ARN");
      const rows =
        arns.length > 0
          ? arns.map((arn) => listenerOf(store, region, arn)[1])
          : store
              .find(listeners, "loadBalancer", loadBalancerOf(store, region, loadBalancerArn).arn)
              .map(([, row]) => row);
      const { items, nextMarker } = page(rows, (r) => r.arn, ["li", region, loadBalancerArn, arns], input);
      return {
        Listeners: items.map(showListener),
        ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
      };
    },

    async ModifyListener(input, { region }) {
      if (input.Protocol !== undefined) checkProtocol(input.Protocol);
      for (const member of tlsMembers) if (isGiven(input[member])) throw notImplemented(member);
      const row = await applyStructural(deps, (tx) => {
        const [key, before] = listenerOf(tx, region, input.ListenerArn);
        const loadBalancer = loadBalancerOf(tx, region, before.loadBalancerArn);
        const port = input.Port === undefined ? before.port : inRange(input.Port, "port", 1, 65_535);
        if (port !== before.port) checkPort(tx, loadBalancer.arn, port);
        const after: ListenerRow = {
          ...before,
          port,
          defaultAction:
            input.DefaultActions === undefined
              ? before.defaultAction
              : readDefaultActions(tx, loadBalancer, input.DefaultActions),
        };
        tx.put(listeners, key, after);
        return { result: after, vpcId: loadBalancer.vpcId, undo: undoPut(listeners, key, before, after) };
      });
      return { Listeners: [showListener(row)] };
    },

    async DeleteListener(input, { region }) {
      await applyStructural(deps, (tx) => {
        const [key, row] = listenerOf(tx, region, input.ListenerArn);
        tx.delete(listeners, key);
        return {
          result: undefined,
          vpcId: loadBalancerOf(tx, region, row.loadBalancerArn).vpcId,
          undo: (again) => {
            if (again.find(loadBalancers, "arn", row.loadBalancerArn).length > 0)
              again.put(listeners, key, row);
          },
        };
      });
      return {};
    },

    /** None of a listener's attributes is implemented: an HTTP listener of an ALB has none but header rewriting. */
    DescribeListenerAttributes(input, { region }) {
      listenerOf(store, region, input.ListenerArn);
      return { Attributes: [{ Key: "routing.http.response.server.enabled", Value: "true" }] };
    },

    DescribeRules(input, { region }) {
      const { ListenerArn: listenerArn, RuleArns: ruleArns = [] } = input;
      if ((listenerArn === undefined) === (ruleArns.length === 0))
        throw validationError("You must specify either a listener ARN or rule ARNs");
      const rows =
        listenerArn === undefined
          ? ruleArns.map((arn) => listenerOfRule(store, region, arn))
          : [listenerOf(store, region, listenerArn)[1]];
      return { Rules: rows.map(showDefaultRule) };
    },
  } satisfies Elbv2Operations;
}

export function listenerOfRule(reader: Reader, region: string, ruleArn: string): ListenerRow {
  const listenerArn = ruleArn.replace(":listener-rule/", ":listener/").replace(/\/[^/]+$/, "");
  const row = reader.find(listeners, "arn", listenerArn)[0]?.[1];
  if (row?.region !== region || defaultRuleArn(row) !== ruleArn) throw ruleNotFound();
  return row;
}

function checkPort(reader: Reader, loadBalancerArn: string, port: number): void {
  if (reader.find(listeners, "loadBalancer", loadBalancerArn).some(([, row]) => row.port === port)) {
    throw new ServiceError(
      "DuplicateListener",
      `A listener already exists on this port for this load balancer '${loadBalancerArn}'`,
    );
  }
}

const isGiven = (value: unknown): boolean =>
  value !== undefined && !(Array.isArray(value) && value.length === 0);

function checkProtocol(protocol: string): void {
  const known = ["HTTP", "HTTPS", "TCP", "TLS", "UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC"] as const;
  if (oneOf(protocol, "protocol", known) === "HTTP") return;
  if (protocol === "HTTPS") throw notImplemented("Listener protocol 'HTTPS'", "UnsupportedProtocol");
  throw validationError(`Protocol '${protocol}' is not supported for application load balancers`);
}

function missing(member: string): never {
  throw validationError(`A listener ${member} must be specified`);
}
