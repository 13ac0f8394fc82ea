//! A second server on the database of the first, on "another machine": its clones are its own.

use std::process::Command;

use super::World;
use super::store::Store;
use super::world::Server;
use crate::postgres::Cluster;

impl World {
    /// A world whose server works on PostgreSQL, where there is one; nothing runs yet.
    pub(crate) async fn on_postgres(policy: &str) -> Option<Self> {
        let store = Store::postgres().await?;
        let mut world = Self::without_server(policy).await;
        world.store = store;
        Some(world)
    }

    /// The same, on a PostgreSQL of its own that may be stopped and started.
    pub(crate) async fn on_a_postgres_of_its_own(policy: &str) -> Option<(Self, &'static Cluster)> {
        // kept until the end of the process, which is what ends the cluster
        let cluster: &'static Cluster = Box::leak(Box::new(Cluster::private()?));
        let mut world = Self::without_server(policy).await;
        world.store = Store::Postgres { url: cluster.database().await, cluster };
        Some((world, cluster))
    }

    /// Starts the second server. Deliveries still go to the first.
    pub(crate) fn start_replica(&mut self) {
        let mut command = self.with_settings("serve");
        command.env("COUNTERSIGN_DATA_DIR", "replica-data");
        self.replica = Some(self.spawn(command, "replica.log"));
    }

    /// What the second server has logged.
    pub(crate) fn replica_log(&self) -> String {
        std::fs::read_to_string(self.path("replica.log")).unwrap_or_default()
    }

    /// From now on deliveries go to the first server.
    pub(crate) fn deliver_to_the_first(&self) {
        self.deliver_to(self.server.as_ref());
    }

    /// From now on deliveries go to the second server.
    pub(crate) fn deliver_to_the_second(&self) {
        self.deliver_to(self.replica.as_ref());
    }

    fn deliver_to(&self, server: Option<&Server>) {
        let server = server.expect("it runs");
        self.sim.set_webhook_url(&self.app, Some(&format!("{}/webhooks/github", server.public)));
    }

    /// Stops the first server in the middle of whatever it does, and lets it go on: `STOP` and `CONT`.
    pub(crate) fn signal_the_first(&self, signal: &str) {
        send(self.server.as_ref(), signal);
    }

    /// The same with the second.
    pub(crate) fn signal_the_second(&self, signal: &str) {
        send(self.replica.as_ref(), signal);
    }

    /// Stops the first server when somebody calls the result.
    pub(crate) fn sleeping_potion(&self) -> impl Fn() + Send + Sync + 'static {
        let id = self.server.as_ref().expect("it runs").child.id();
        move || signal(id, "STOP")
    }

    /// Whether the first server has ended by itself.
    pub(crate) fn first_is_dead(&mut self) -> bool {
        self.server.as_mut().is_none_or(|server| server.child.try_wait().expect("a child").is_some())
    }
}

fn send(server: Option<&Server>, name: &str) {
    signal(server.expect("it runs").child.id(), name);
}

fn signal(id: u32, name: &str) {
    assert!(Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status().expect("kill runs").success());
}
