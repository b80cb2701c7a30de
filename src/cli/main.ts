// The command line. Each command stands in a file of its own; this one only names them.
import { Command, Option } from "commander";
import { BadConfiguration, readConfig } from "#server/config.ts";
import { AlreadyRunning } from "#server/state-folder.ts";
import { connect, NotRunning } from "./connection.ts";
import { agent, type AgentOptions } from "./commands/agent.ts";
import { joinToken, readSeconds, removeMachine, type JoinTokenOptions } from "./commands/join-token.ts";
import { printEnvironment, runAwsCli } from "./commands/env.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { down } from "./commands/down.ts";
import { listImages, loadImage } from "./commands/image.ts";
import { logs, type LogsOptions } from "./commands/logs.ts";
import { reset } from "./commands/reset.ts";
import { interruptSpot } from "./commands/spot.ts";
import { printStatus } from "./commands/status.ts";
import { up } from "./commands/up.ts";

const print = (line: string) => void process.stdout.write(`${line}\n`);
const warn = (line: string) => void process.stderr.write(`${line}\n`);

// Whoever reads may stop reading, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

const program = new Command("estiba")
  .description("An Amazon ECS that runs on your own machines")
  .option("--data <folder>", "data folder (ESTIBA_DATA; /var/lib/estiba for root)")
  .configureHelp({ showGlobalOptions: true })
  // Options after `aws` are the AWS CLI's.
  .enablePositionalOptions();

/** `--data` as it was given, before the command or after it. */
let givenFolder: string | undefined;
program.hook("preAction", (_program, command) => {
  givenFolder = command.opts<{ data?: string }>().data ?? program.opts<{ data?: string }>().data;
});
const dataDirectory = () => readConfig({ dataDirectory: givenFolder }, process.env).dataDirectory;

program
  .command("up")
  .description("start the server; Ctrl-C stops the control plane only, what runs goes on")
  .option("-d, --detach", "start it in the background, supervised")
  .option("--engine <engine>", "docker (real hosts and containers) or sim (simulated, without root)")
  .option("--host <address>", "address of the endpoint (127.0.0.1)")
  .option("--port <port>", "port of the endpoint (4566)")
  .option("--join-address <address>", "a further address, by which other machines reach this one to join")
  .option("--region <region>", "region whose default VPC is made at the start (us-east-1)")
  .option("--vpc-cidr <cidr>", "range of the default VPC (10.64.0.0/16)")
  .option(
    "--fargate-runtime <runtime>",
    "what starts Fargate tasks' containers: runc or runsc, gVisor (runc)",
  )
  .option(
    "--replace-tasks-after <duration>",
    "replace services' tasks on hosts that are silent for so long, as in 10m (never)",
  )
  .option(
    "--upstream <service=url>",
    "who answers for a service that Estiba does not have, as s3=https://…[,profile=<name>][,region=<region>]; once for each",
    (one: string, others: string | undefined) => (others === undefined ? one : `${others} ${one}`),
  )
  .option("--allow-reset", "serve `estiba reset`")
  .option("--log-level <level>", "debug, info, warn, error or silent")
  .action(async (options: Record<string, string | boolean | undefined>) => {
    const { vpcCidr, detach, ...flags } = options;
    const config = readConfig(
      { ...flags, dataDirectory: dataDirectory(), defaultVpcCidr: vpcCidr },
      process.env,
    );
    await up(config, detach === true, print);
  });
program
  .command("down")
  .description("stop everything in order; the state stays, `up` starts it again")
  .action(async () => down(dataDirectory(), print));
program
  .command("status")
  .description("what runs")
  .action(async () => printStatus(dataDirectory(), print));
program
  .command("env")
  .description('what AWS clients need: eval "$(estiba env)"')
  .action(() => printEnvironment(dataDirectory(), print, warn));
program
  .command("aws")
  .description("the AWS CLI, pointed at the server")
  .argument("[args...]")
  .allowUnknownOption()
  .helpOption(false)
  .passThroughOptions()
  .action(async (args: string[]) => {
    process.exitCode = await runAwsCli(dataDirectory(), args);
  });
const image = program.command("image").description("images that instances start containers from");
image
  .command("load")
  .description("take an archive of `docker save`: a file, or - for standard input")
  .argument("<archive>")
  .action(async (archive: string) => loadImage(dataDirectory(), archive, print));
image
  .command("list")
  .description("what is there")
  .action(() => listImages(dataDirectory(), print));
program
  .command("spot")
  .description("Spot Instances and tasks on FARGATE_SPOT")
  .command("interrupt")
  .description(
    "announce the end of a Spot Instance, which follows two minutes later, or take a FARGATE_SPOT task away",
  )
  .argument("<id>", "the instance's, i-…, or the task's id or ARN")
  .action(async (id: string) => interruptSpot(connect(dataDirectory()), id, print));
program
  .command("join-token")
  .description("let one other machine join, once: prints what to type there")
  .option("--external", "as ECS Anywhere's: launch type EXTERNAL, without awsvpc and load balancers")
  .option("--cluster <name>", "cluster that its agent registers in (default)")
  .option("--valid-for <duration>", "until when it may be used, as in 30m (1h)")
  .option("--type <instance-type>", "what it counts as; the largest that it has room for")
  .option("--subnet <id>", "subnet of its address; of the default VPC")
  .option("--groups <ids>", "security groups, with commas between; the VPC's default one")
  .option("--profile <name>", "instance profile (ecsInstanceRole)")
  .option("--role <name>", "role of an external machine (ecsAnywhereRole)")
  .action(async ({ validFor, ...options }: JoinTokenOptions & { validFor?: string }) => {
    const seconds = validFor === undefined ? {} : { seconds: readSeconds(validFor) };
    await joinToken(connect(dataDirectory()), { ...options, ...seconds }, print);
  });
program
  .command("machine")
  .description("other machines that joined")
  .command("remove")
  .description("end an external machine's rights here; an instance ends by TerminateInstances")
  .argument("<id>", "mi-…")
  .action(async (id: string) => removeMachine(connect(dataDirectory()), id, print));
program
  .command("agent")
  .description("make this machine a host of a server on another one")
  .option("--join <endpoint>", "http://host:port of the server, once")
  .option("--token <token>", "of `estiba join-token` there, once")
  .option("--docker-host <socket>", "engine of an external machine", "unix:///var/run/docker.sock")
  .option("-d, --detach", "go on in the background, supervised")
  .option("--leave", "take everything back")
  .action(async (options: AgentOptions) => agent(dataDirectory(), options, print));
program
  .command("logs")
  .description("what the tasks of a service write, in one stream")
  .argument("<service>")
  .option("--cluster <name>", "its cluster (default)")
  .option("-f, --follow", "go on with what they write next")
  .option("--since <when>", "a duration as 90s, 10m, 2h, 3d, or a time (10m)")
  .option("--filter <pattern>", "a filter pattern of CloudWatch Logs, as ERROR or '{ $.level = \"error\" }'")
  .action(async (service: string, options: LogsOptions) => {
    const colours = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
    await logs(connect(dataDirectory()), service, options, { print, warn, colours });
  });
program
  .command("demo")
  .description("the whole picture, from nothing to a deployment under load")
  .option("--keep", "leave it running at the end")
  .option("--clean", "only remove what an earlier demo left")
  .action(async (options: { keep?: boolean; clean?: boolean }) => demo(dataDirectory(), options, print));
program
  .command("doctor")
  .description("what this machine has, what is missing, and what to do about it")
  .action(async () => {
    process.exitCode = await doctor(dataDirectory(), print);
  });
program
  .command("reset")
  .description("empty all state of a server started with --allow-reset")
  .action(async () => reset(connect(dataDirectory()), print));
// Users write it where other programs take it, too: after the command. All but `aws`, whose options are the AWS CLI's.
const takesFolder = (command: Command): void => {
  for (const child of command.commands.filter((c) => c.name() !== "aws")) {
    child.addOption(new Option("--data <folder>").hideHelp());
    takesFolder(child);
  }
};
takesFolder(program);

// The clock's timers do not keep a process alive, but a command that waits for one must come to its end.
const untilDone = setInterval(() => undefined, 2 ** 30);
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof BadConfiguration || error instanceof NotRunning || error instanceof AlreadyRunning)
    warn(`estiba: ${error.message}`);
  else
    warn(
      `estiba: ${error instanceof Error ? (process.env["ESTIBA_DEBUG"] ? (error.stack ?? error.message) : error.message) : String(error)}`,
    );
  process.exitCode = 1;
} finally {
  clearInterval(untilDone);
}
