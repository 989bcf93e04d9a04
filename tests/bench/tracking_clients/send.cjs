// Sends COUNT events with @segment/analytics-node, nothing of it changed but the host.
//   node send.cjs HOST KEY COUNT PEOPLE      (NODE_PATH names the folder of the package)
// Each is of an item of its own. Prints how many were handed to the library and how many it gave up.
const { Analytics } = require('@segment/analytics-node')

async function main(host, writeKey, count, people) {
  const analytics = new Analytics({ host, writeKey })
  let givenUp = 0
  for (let number = 0; number < count; number++) {
    const event = 'Product Viewed'
    const properties = { product_id: `node-${number}` }
    analytics.track({ userId: `u${number % people}`, event, properties }, (error) => {
      if (error) givenUp++
    })
    // 400 events a second: in requests of 15, as the library makes them, within a standard plan.
    if (number % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 250))
  }
  await analytics.closeAndFlush({ timeout: 600000 })
  console.log(JSON.stringify({ sent: count, given_up: givenUp }))
}

const [host, key, count, people] = process.argv.slice(2)
main(host, key, Number(count), Number(people))
