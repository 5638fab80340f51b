using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ContinualService.Migrations.PostgreSql.Migrations
{
    /// <inheritdoc />
    public partial class Forecasts : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "DriftJson",
                table: "Versions",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<long>(
                name: "PeakBytes",
                table: "Runs",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "ProcessedTokens",
                table: "Runs",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<int>(
                name: "ScoredRows",
                table: "Runs",
                type: "integer",
                nullable: true);

            migrationBuilder.AddColumn<double>(
                name: "ScoringSeconds",
                table: "Runs",
                type: "double precision",
                nullable: true);

            migrationBuilder.AddColumn<double>(
                name: "TrainingSeconds",
                table: "Runs",
                type: "double precision",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "DriftJson",
                table: "Adapters",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.CreateTable(
                name: "Forecasts",
                columns: table => new
                {
                    Id = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    AdapterId = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    TaskId = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    WaitingJson = table.Column<string>(type: "text", nullable: false, collation: "C"),
                    ResultJson = table.Column<string>(type: "text", nullable: true, collation: "C")
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_Forecasts", x => x.Id);
                    table.ForeignKey(
                        name: "FK_Forecasts_Adapters_AdapterId",
                        column: x => x.AdapterId,
                        principalTable: "Adapters",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Restrict);
                    table.ForeignKey(
                        name: "FK_Forecasts_Tasks_TaskId",
                        column: x => x.TaskId,
                        principalTable: "Tasks",
                        principalColumn: "Id",
                        onDelete: ReferentialAction.Cascade);
                });

            migrationBuilder.CreateIndex(
                name: "IX_Forecasts_AdapterId_Id",
                table: "Forecasts",
                columns: new[] { "AdapterId", "Id" });

            migrationBuilder.CreateIndex(
                name: "IX_Forecasts_TaskId",
                table: "Forecasts",
                column: "TaskId",
                unique: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "Forecasts");

            migrationBuilder.DropColumn(
                name: "DriftJson",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "PeakBytes",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "ProcessedTokens",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "ScoredRows",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "ScoringSeconds",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "TrainingSeconds",
                table: "Runs");

            migrationBuilder.DropColumn(
                name: "DriftJson",
                table: "Adapters");
        }
    }
}
