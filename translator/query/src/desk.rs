//! The services themselves: who asks is looked at first, then the question.

use super::feed::Feeds;
use super::watch::{self, Answers, WATCHES_MAX};
use super::{
    admin, adoptions, claims, converged, explain, objects, plans, refusal, scopes, settings, shards,
};
use crate::order::{Order, Orders};
use crate::view::Snapshot;
use aviary_boot::Blocking;
use aviary_identity::{Caller, Gate};
use aviary_proto::admin::v1 as orders;
use aviary_proto::admin::v1::admin_service_server::AdminService;
use aviary_proto::query::v1 as query;
use aviary_proto::query::v1::query_service_server::QueryService;
use aviary_types::EcoString;
use std::sync::Arc;
use tokio::sync::{Semaphore, oneshot, watch as watch_channel};
use tonic::{Request, Response, Status, async_trait};

/// Changes the log level: takes directives, answers those before, or why not.
pub type LevelSetter = Arc<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

/// Questions that are worked on at the same time; the others wait.
const TURNS_MAX: usize = 8;

/// Where questions and orders arrive.
#[derive(Clone)]
pub struct Desk {
    pub(crate) snapshots: watch_channel::Receiver<Snapshot>,
    pub(crate) orders: Arc<dyn Orders>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) log_level: Option<LevelSetter>,
    pub(crate) blocking: Blocking,
    pub(super) feeds: Feeds,
    /// Names this start of the program.
    pub(super) start: EcoString,
    /// Questions that are worked on at the same time.
    turns: Arc<Semaphore>,
    pub(super) watches: Arc<Semaphore>,
}

/// What a desk is made of.
pub struct DeskParts {
    /// The published states.
    pub snapshots: watch_channel::Receiver<Snapshot>,
    /// Where orders go.
    pub orders: Arc<dyn Orders>,
    /// Says who may ask what.
    pub gate: Arc<Gate>,
    /// Changes the log level, if it can be changed.
    pub log_level: Option<LevelSetter>,
    /// Where long answers are worked on.
    pub blocking: Blocking,
    /// What changed, for those who watch.
    pub feeds: Feeds,
    /// Names this start of the program.
    pub start: EcoString,
}

impl Desk {
    /// A desk that nobody has asked yet.
    pub fn new(parts: DeskParts) -> Self {
        Self {
            snapshots: parts.snapshots,
            orders: parts.orders,
            gate: parts.gate,
            log_level: parts.log_level,
            blocking: parts.blocking,
            feeds: parts.feeds,
            start: parts.start,
            turns: Arc::new(Semaphore::new(TURNS_MAX)),
            watches: Arc::new(Semaphore::new(WATCHES_MAX)),
        }
    }

    /// Where long answers are worked on.
    pub fn blocking(&self) -> Blocking {
        self.blocking
    }

    /// The state of everything, for somebody who may see it.
    async fn show<T>(&self, request: &Request<T>) -> Result<Snapshot, Status> {
        let caller = Caller::of(request)?;
        self.gate
            .may_query(&caller)
            .await
            .map_err(|why| refusal::denied(&why))?;
        Ok(self.snapshots.borrow().clone())
    }

    /// Answers a question from the newest state, beside the loops: however much there is to visit,
    /// nothing waits for it but who asked.
    async fn answer<Q: Send + 'static, A: Send + 'static>(
        &self,
        request: Request<Q>,
        answer: fn(&Snapshot, &Q) -> Result<A, Status>,
    ) -> Result<Response<A>, Status> {
        self.show(&request).await?;
        let _turn = self.turns.acquire().await;
        let (snapshot, asked) = (self.snapshots.borrow().clone(), request.into_inner());
        let work = move || answer(&snapshot, &asked);
        let answered = self.blocking.run(work).await;
        answered
            .map_err(|_| Status::internal("the answer could not be made"))?
            .map(Response::new)
    }

    /// Who orders, if they may.
    async fn may_order<T>(&self, request: &Request<T>) -> Result<EcoString, Status> {
        let caller = Caller::of(request)?;
        self.gate
            .may_order(&caller)
            .await
            .map_err(|why| refusal::denied(&why))
    }

    /// Lets the core carry an order out and waits for its answer.
    pub(super) async fn ask<A>(
        &self,
        order: impl FnOnce(oneshot::Sender<A>) -> Order,
    ) -> Result<A, Status> {
        let (reply, answer) = oneshot::channel();
        let stopping = || Status::unavailable("the translator is stopping");
        if !self.orders.give(order(reply)).await {
            return Err(stopping());
        }
        answer.await.map_err(|_| stopping())
    }
}

#[async_trait]
impl QueryService for Desk {
    type WatchObjectsStream = Answers<query::WatchObjectsResponse>;
    type WatchClaimsStream = Answers<query::WatchClaimsResponse>;
    type WatchConvergedStream = Answers<query::WatchConvergedResponse>;

    async fn list_objects(
        &self,
        request: Request<query::ListObjectsRequest>,
    ) -> Result<Response<query::ListObjectsResponse>, Status> {
        self.answer(request, objects::list).await
    }

    async fn get_object(
        &self,
        request: Request<query::GetObjectRequest>,
    ) -> Result<Response<query::GetObjectResponse>, Status> {
        self.answer(request, objects::get).await
    }

    async fn get_shard_map(
        &self,
        request: Request<query::GetShardMapRequest>,
    ) -> Result<Response<query::GetShardMapResponse>, Status> {
        self.answer(request, shards::map).await
    }

    async fn list_claims(
        &self,
        request: Request<query::ListClaimsRequest>,
    ) -> Result<Response<query::ListClaimsResponse>, Status> {
        self.answer(request, claims::list).await
    }

    async fn list_agents(
        &self,
        request: Request<query::ListAgentsRequest>,
    ) -> Result<Response<query::ListAgentsResponse>, Status> {
        self.answer(request, scopes::agents).await
    }

    async fn list_scopes(
        &self,
        request: Request<query::ListScopesRequest>,
    ) -> Result<Response<query::ListScopesResponse>, Status> {
        self.answer(request, scopes::list).await
    }

    async fn list_findings(
        &self,
        request: Request<query::ListFindingsRequest>,
    ) -> Result<Response<query::ListFindingsResponse>, Status> {
        self.answer(request, scopes::findings).await
    }

    async fn get_settings(
        &self,
        request: Request<query::GetSettingsRequest>,
    ) -> Result<Response<query::GetSettingsResponse>, Status> {
        let snapshot = self.show(&request).await?;
        Ok(Response::new(settings::get(&snapshot)))
    }

    async fn get_plan(
        &self,
        request: Request<query::GetPlanRequest>,
    ) -> Result<Response<query::GetPlanResponse>, Status> {
        self.answer(request, plans::get).await
    }

    async fn list_adoptions(
        &self,
        request: Request<query::ListAdoptionsRequest>,
    ) -> Result<Response<query::ListAdoptionsResponse>, Status> {
        self.answer(request, adoptions::list).await
    }

    async fn wait_converged(
        &self,
        request: Request<query::WaitConvergedRequest>,
    ) -> Result<Response<query::WaitConvergedResponse>, Status> {
        self.show(&request).await?;
        converged::wait(self, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn watch_objects(
        &self,
        request: Request<query::WatchObjectsRequest>,
    ) -> Result<Response<Self::WatchObjectsStream>, Status> {
        self.show(&request).await?;
        let caller = Caller::of(&request)?;
        watch::objects(self, caller, request.get_ref()).map(Response::new)
    }

    async fn watch_claims(
        &self,
        request: Request<query::WatchClaimsRequest>,
    ) -> Result<Response<Self::WatchClaimsStream>, Status> {
        self.show(&request).await?;
        let caller = Caller::of(&request)?;
        watch::claims(self, caller, request.get_ref()).map(Response::new)
    }

    async fn watch_converged(
        &self,
        request: Request<query::WatchConvergedRequest>,
    ) -> Result<Response<Self::WatchConvergedStream>, Status> {
        self.show(&request).await?;
        let caller = Caller::of(&request)?;
        watch::converged(self, caller, request.get_ref()).map(Response::new)
    }

    async fn explain(
        &self,
        request: Request<query::ExplainRequest>,
    ) -> Result<Response<query::ExplainResponse>, Status> {
        self.answer(request, explain::explain).await
    }
}

#[async_trait]
impl AdminService for Desk {
    async fn release_scope(
        &self,
        request: Request<orders::ReleaseScopeRequest>,
    ) -> Result<Response<orders::ReleaseScopeResponse>, Status> {
        let who = self.may_order(&request).await?;
        admin::release(self, &who, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn approve_plan(
        &self,
        request: Request<orders::ApprovePlanRequest>,
    ) -> Result<Response<orders::ApprovePlanResponse>, Status> {
        let who = self.may_order(&request).await?;
        admin::approve(self, &who, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn pause(
        &self,
        request: Request<orders::PauseRequest>,
    ) -> Result<Response<orders::PauseResponse>, Status> {
        let who = self.may_order(&request).await?;
        admin::pause(self, &who, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn resume(
        &self,
        request: Request<orders::ResumeRequest>,
    ) -> Result<Response<orders::ResumeResponse>, Status> {
        let who = self.may_order(&request).await?;
        admin::resume(self, &who, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn set_log_level(
        &self,
        request: Request<orders::SetLogLevelRequest>,
    ) -> Result<Response<orders::SetLogLevelResponse>, Status> {
        let who = self.may_order(&request).await?;
        admin::set_log_level(self, &who, request.get_ref()).map(Response::new)
    }
}
