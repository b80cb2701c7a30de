import { expect, it } from "vitest";
import { drawPicture } from "./picture.ts";

it("draws the load balancer, each instance under it and each task with its own port", () => {
  const picture = drawPicture("web-1.us-east-1.elb.estiba.internal", 80, [
    {
      id: "i-0a",
      address: "10.64.0.4",
      zone: "us-east-1a",
      tasks: [
        { id: "0123456789", hostPort: 32768 },
        { id: "1123456789", hostPort: 32769 },
      ],
    },
    { id: "i-0b", address: "10.64.1.4", zone: "us-east-1b", tasks: [] },
  ]);
  expect(picture.split("\n")).toEqual([
    "ALB  web-1.us-east-1.elb.estiba.internal:80",
    " ├─ i-0a (10.64.0.4, us-east-1a)  task 01234567 :32768   task 11234567 :32769",
    " └─ i-0b (10.64.1.4, us-east-1b)  no task",
  ]);
});
